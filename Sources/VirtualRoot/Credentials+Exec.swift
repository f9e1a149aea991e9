// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

extension Credentials {
  /// What a process is after it has executed `file`.
  ///
  /// - Parameter fileCapabilities: The value of the file's `security.capability`, if it has one.
  /// - Returns: `isSecure` is what AT_SECURE says: the program has rights its caller had not.
  /// - Throws: EPERM when the file asks for capabilities that are out of bounds.
  func afterExec(file: Inode, fileCapabilities: [UInt8]?) throws(Errno) -> (
    credentials: Credentials, isSecure: Bool
  ) {
    let isOurs = file.domain == .tree
    return try afterExec(
      mode: isOurs ? file.mode : 0, uid: file.uid, gid: file.gid,
      isOurs ? fileCapabilities.flatMap { FileCapabilities($0) } : nil)
  }

  /// capabilities(7), "Transformation of capabilities during execve()" and "Capabilities and
  /// execution of programs by root"; the kernel's `cap_bprm_creds_from_file`.
  func afterExec(mode: UInt32, uid owner: UInt32, gid group: UInt32, _ file: FileCapabilities?)
    throws(Errno) -> (credentials: Credentials, isSecure: Bool)
  {
    var new = self
    new.followBits(of: mode, owner: owner, group: group)
    var isEffective = file?.isEffective ?? false
    new.permitted = try permitted(from: file)
    new.actAsRoot(hasFileCapabilities: file != nil, isEffective: &isEffective)

    let isOther = new.effectiveUID != uid || new.effectiveGID != gid
    if hasNoNewPrivileges, isOther || new.permitted & ~permitted != 0 {
      (new.effectiveUID, new.effectiveGID) = (new.uid, new.gid)
      new.permitted &= permitted
    }
    (new.savedUID, new.fileSystemUID) = (new.effectiveUID, new.effectiveUID)
    (new.savedGID, new.fileSystemGID) = (new.effectiveGID, new.effectiveGID)
    if file != nil || isOther { new.ambient = 0 }
    new.permitted |= new.ambient
    new.effective = isEffective ? new.permitted : new.ambient
    new.secureBits &= ~SecureBits.keepCapabilities
    new.isDumpable = true
    let hasGrown = new.permitted & ~new.ambient != 0
    return (new, isOther || (new.uid != 0 && (isEffective || hasGrown)))
  }

  private mutating func followBits(of mode: UInt32, owner: UInt32, group: UInt32) {
    if hasNoNewPrivileges { return }
    if mode & FileMode.setUserID != 0 { effectiveUID = owner }
    let setsGroup = FileMode.setGroupID | 0o010
    if mode & setsGroup == setsGroup { effectiveGID = group }
  }

  private func permitted(from file: FileCapabilities?) throws(Errno) -> UInt64 {
    guard let file else { return 0 }
    let granted = (bounding & file.permitted) | (inheritable & file.inheritable)
    // Such a program does not look at what it has got, so it must have all it needs.
    if file.isEffective, file.permitted & ~granted != 0 { throw .notPermitted }
    return granted
  }

  private mutating func actAsRoot(hasFileCapabilities: Bool, isEffective: inout Bool) {
    if isSecure(SecureBits.noRoot) { return }
    if hasFileCapabilities && uid != 0 && effectiveUID == 0 { return }
    if uid == 0 || effectiveUID == 0 { permitted = bounding | inheritable }
    if effectiveUID == 0 { isEffective = true }
  }
}
