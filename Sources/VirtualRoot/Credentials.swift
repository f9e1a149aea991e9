// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc

/// Who a process in the sandbox believes to be: what the kernel keeps in `struct cred`.
///
/// credentials(7), capabilities(7). Sets of capabilities are masks, bit n for capability n.
struct Credentials: Hashable, Sendable {
  var uid: UInt32
  var effectiveUID: UInt32
  var savedUID: UInt32
  var fileSystemUID: UInt32
  var gid: UInt32
  var effectiveGID: UInt32
  var savedGID: UInt32
  var fileSystemGID: UInt32
  /// Supplementary ones, sorted.
  var groups: [UInt32]
  var permitted: UInt64
  var effective: UInt64
  var inheritable: UInt64
  var bounding: UInt64
  var ambient: UInt64
  /// PR_SET_SECUREBITS, the bit of PR_SET_KEEPCAPS included.
  var secureBits: UInt32 = 0
  var hasNoNewPrivileges = false
  /// PR_SET_DUMPABLE, which only seems to be heeded: the kernel would close the process to us.
  var isDumpable = true

  /// What Docker leaves to root of a container.
  static let defaultCapabilities: UInt64 = [
    CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD, CAP_NET_RAW, CAP_SETGID,
    CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL,
    CAP_AUDIT_WRITE,
  ].reduce(0) { $0 | 1 << UInt64($1) }

  /// Those of the first process: root has the default capabilities, others have none in effect.
  init(uid: UInt32, gid: UInt32, groups: [UInt32]) {
    (self.uid, effectiveUID, savedUID, fileSystemUID) = (uid, uid, uid, uid)
    (self.gid, effectiveGID, savedGID, fileSystemGID) = (gid, gid, gid, gid)
    self.groups = groups.sorted()
    permitted = uid == 0 ? Self.defaultCapabilities : 0
    effective = permitted
    inheritable = 0
    bounding = Self.defaultCapabilities
    ambient = 0
  }

  func has(_ capability: Int32) -> Bool { effective & (1 << UInt64(capability)) != 0 }

  /// Nothing of the file system is closed to it.
  var ignoresPermissions: Bool { has(CAP_DAC_OVERRIDE) }

  func isMember(of group: UInt32) -> Bool { group == fileSystemGID || groups.contains(group) }
}
