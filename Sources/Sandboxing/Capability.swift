// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A right of root (capabilities(7)); the raw value is its bit.
package struct Capability: Hashable, Sendable {
  var bit: Int32

  static let systemAdministration = Capability(bit: CAP_SYS_ADMIN)

  /// Whether this thread may give files away and change them afterwards, as unpacking with owners does.
  package static var mayGiveFilesAway: Bool {
    [CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE].allSatisfy { Capability(bit: $0).isEffective }
  }

  /// What Docker leaves to a container.
  static let defaults: Set<Capability> = Set(
    [
      CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID,
      CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE,
      CAP_SETFCAP,
    ].map { Capability(bit: $0) })

  /// Drops everything else for good: out of the bounding set, and nothing is inherited.
  static func limitToDefaults() throws(SandboxError) {
    var sets = try current()
    for index in sets.indices { sets[index].inheritable = 0 }
    try kernel("capset") { caisson_capset(sets) }
    let clearAll = UInt(PR_CAP_AMBIENT_CLEAR_ALL)
    _ = caisson_prctl(PR_CAP_AMBIENT, clearAll, 0, 0, 0)
    for bit in 0..<Int32(64) where !defaults.contains(Capability(bit: bit)) {
      // The kernel has fewer than 64; the first it does not know ends the list.
      if caisson_prctl(PR_CAPBSET_DROP, UInt(bit), 0, 0, 0) != 0 {
        guard Errno.current == .invalidArgument else {
          throw SandboxError.refused(
            operation: "drop capabilities", path: nil, errno: Errno.current.code)
        }
        break
      }
    }
  }

  /// Gives all of them up for good, whoever this process is.
  static func dropAll() throws(SandboxError) {
    _ = caisson_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    for bit in 0..<Int32(64) {
      // Without CAP_SETPCAP the set stays; what runs in a sandbox has no_new_privs besides.
      if caisson_prctl(PR_CAPBSET_DROP, UInt(bit), 0, 0, 0) != 0 { break }
    }
    let none = [__user_cap_data_struct](repeating: __user_cap_data_struct(), count: 2)
    try kernel("capset") { caisson_capset(none) }
  }

  /// Whether this thread has it in effect.
  var isEffective: Bool {
    guard let sets = try? Self.current(), bit < 64 else { return false }
    return sets[Int(bit) / 32].effective & (1 << UInt32(bit % 32)) != 0
  }

  private static func current() throws(SandboxError) -> [__user_cap_data_struct] {
    var sets = [__user_cap_data_struct](repeating: __user_cap_data_struct(), count: 2)
    try kernel("capget") { caisson_capget(&sets) }
    return sets
  }
}
