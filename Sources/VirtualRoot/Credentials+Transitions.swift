// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// What the calls of credentials(7) do to a process, as in the kernel's `kernel/sys.c`.
extension Credentials {
  /// The argument that leaves an ID as it is.
  static let unchanged = UInt32.max

  // MARK: User IDs

  /// setuid(2)
  mutating func setUserID(_ new: UInt32) throws(Errno) {
    guard new != Self.unchanged else { throw .invalidArgument }
    let old = self
    if has(CAP_SETUID) {
      (uid, savedUID) = (new, new)
    } else if new != uid && new != savedUID {
      throw .notPermitted
    }
    (effectiveUID, fileSystemUID) = (new, new)
    followUserIDs(from: old)
  }

  /// setreuid(2)
  mutating func setUserIDs(real: UInt32, effective: UInt32) throws(Errno) {
    let old = self
    if real != Self.unchanged {
      guard [uid, effectiveUID].contains(real) || has(CAP_SETUID) else { throw .notPermitted }
      uid = real
    }
    if effective != Self.unchanged {
      guard [old.uid, effectiveUID, savedUID].contains(effective) || has(CAP_SETUID) else {
        throw .notPermitted
      }
      effectiveUID = effective
    }
    if real != Self.unchanged || (effective != Self.unchanged && effective != old.uid) {
      savedUID = effectiveUID
    }
    fileSystemUID = effectiveUID
    followUserIDs(from: old)
  }

  /// setresuid(2)
  mutating func setUserIDs(real: UInt32, effective: UInt32, saved: UInt32) throws(Errno) {
    let old = self
    let known = [uid, effectiveUID, savedUID, Self.unchanged]
    guard [real, effective, saved].allSatisfy(known.contains) || has(CAP_SETUID) else {
      throw .notPermitted
    }
    if real != Self.unchanged { uid = real }
    if effective != Self.unchanged { effectiveUID = effective }
    if saved != Self.unchanged { savedUID = saved }
    if effective != Self.unchanged || self != old { fileSystemUID = effectiveUID }
    followUserIDs(from: old)
  }

  /// setfsuid(2), which never fails.
  ///
  /// - Returns: The ID before.
  mutating func setFileSystemUserID(_ new: UInt32) -> UInt32 {
    let old = fileSystemUID
    guard new != Self.unchanged,
      [uid, effectiveUID, savedUID, old].contains(new) || has(CAP_SETUID)
    else { return old }
    fileSystemUID = new
    guard !isSecure(SecureBits.noSetUserIDFixup) else { return old }
    if old == 0 && new != 0 { effective &= ~Self.fileSystemCapabilities }
    if old != 0 && new == 0 { effective |= permitted & Self.fileSystemCapabilities }
    return old
  }

  /// capabilities(7), "Effect of user ID changes on capabilities".
  private mutating func followUserIDs(from old: Credentials) {
    guard !isSecure(SecureBits.noSetUserIDFixup) else { return }
    if old.hasRootID && !hasRootID {
      if !isSecure(SecureBits.keepCapabilities) { (permitted, effective) = (0, 0) }
      ambient = 0
    }
    if old.effectiveUID == 0 && effectiveUID != 0 { effective = 0 }
    if old.effectiveUID != 0 && effectiveUID == 0 { effective = permitted }
  }

  private var hasRootID: Bool { uid == 0 || effectiveUID == 0 || savedUID == 0 }

  private static let fileSystemCapabilities: UInt64 = [
    CAP_CHOWN, CAP_MKNOD, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID,
    CAP_MAC_OVERRIDE, CAP_LINUX_IMMUTABLE,
  ].reduce(0) { $0 | bit($1) }

  // MARK: Group IDs

  /// setgid(2)
  mutating func setGroupID(_ new: UInt32) throws(Errno) {
    guard new != Self.unchanged else { throw .invalidArgument }
    if has(CAP_SETGID) {
      (gid, savedGID) = (new, new)
    } else if new != gid && new != savedGID {
      throw .notPermitted
    }
    (effectiveGID, fileSystemGID) = (new, new)
  }

  /// setregid(2)
  mutating func setGroupIDs(real: UInt32, effective: UInt32) throws(Errno) {
    let old = self
    if real != Self.unchanged {
      guard [gid, effectiveGID].contains(real) || has(CAP_SETGID) else { throw .notPermitted }
      gid = real
    }
    if effective != Self.unchanged {
      guard [old.gid, effectiveGID, savedGID].contains(effective) || has(CAP_SETGID) else {
        throw .notPermitted
      }
      effectiveGID = effective
    }
    if real != Self.unchanged || (effective != Self.unchanged && effective != old.gid) {
      savedGID = effectiveGID
    }
    fileSystemGID = effectiveGID
  }

  /// setresgid(2)
  mutating func setGroupIDs(real: UInt32, effective: UInt32, saved: UInt32) throws(Errno) {
    let old = self
    let known = [gid, effectiveGID, savedGID, Self.unchanged]
    guard [real, effective, saved].allSatisfy(known.contains) || has(CAP_SETGID) else {
      throw .notPermitted
    }
    if real != Self.unchanged { gid = real }
    if effective != Self.unchanged { effectiveGID = effective }
    if saved != Self.unchanged { savedGID = saved }
    if effective != Self.unchanged || self != old { fileSystemGID = effectiveGID }
  }

  /// setfsgid(2), which never fails.
  ///
  /// - Returns: The ID before.
  mutating func setFileSystemGroupID(_ new: UInt32) -> UInt32 {
    let old = fileSystemGID
    if new != Self.unchanged,
      [gid, effectiveGID, savedGID, old].contains(new) || has(CAP_SETGID)
    {
      fileSystemGID = new
    }
    return old
  }

  /// setgroups(2)
  mutating func setGroups(_ new: [UInt32]) throws(Errno) {
    guard has(CAP_SETGID) else { throw .notPermitted }
    guard !new.contains(Self.unchanged) else { throw .invalidArgument }
    groups = new.sorted()
  }
}
