// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

/// A second wall, where the kernel has it: what a process opens past the supervisor, because a call was
/// let go on as it stood, are terminals and nothing else; and it signals its own kind only.
///
/// Descriptors that the supervisor hands over are not affected. landlock(7).
enum Landlock {
  /// Restricts this process, which has no_new_privs, and all that come from it. Without Landlock
  /// nothing happens.
  ///
  /// - Parameters:
  ///   - sockets: Directories where a process may make sockets.
  ///   - programs: Open files that may be executed. Those without any file system may be, anyway.
  static func restrict(sockets: [PathBytes], programs: [Int32]) {
    let version = caisson_landlock_version()
    guard version > 0 else { return }
    var rules = caisson_landlock_ruleset(
      handled_access_fs: Access.all(version), handled_access_net: 0,
      scoped: version >= 6 ? signals : 0)
    let number = caisson_landlock_create(&rules)
    // A kernel may have it switched off, a profile may refuse it.
    guard number >= 0 else { return }
    let ruleset = FileDescriptor(owning: number)
    let known = Access.all(version)
    for path: PathBytes in ["/dev/tty", "/dev/ptmx", "/dev/pts"] {
      allow(path, Access.terminal & known, in: ruleset)
    }
    for number in programs {
      allow(PathBytes("/proc/self/fd/\(number)"), Access.execute | Access.readFile, in: ruleset)
    }
    for path in sockets { allow(path, Access.makeSocket, in: ruleset) }
    _ = caisson_landlock_restrict(ruleset.number)
  }

  private static func allow(
    _ path: PathBytes, _ access: UInt64, in ruleset: borrowing FileDescriptor
  ) {
    guard let place = try? FileDescriptor.open(path, flags: O_PATH) else { return }
    _ = caisson_landlock_allow(ruleset.number, place.number, access)
  }

  /// LANDLOCK_SCOPE_SIGNAL, Linux 6.12.
  private static let signals: UInt64 = 1 << 1

  /// LANDLOCK_ACCESS_FS_*.
  private enum Access {
    static let execute: UInt64 = 1 << 0
    static let writeFile: UInt64 = 1 << 1
    static let readFile: UInt64 = 1 << 2
    static let makeSocket: UInt64 = 1 << 9
    static let control: UInt64 = 1 << 15
    static let terminal = writeFile | readFile | control

    static func all(_ version: Int32) -> UInt64 {
      let count =
        switch version {
        case 1: 13
        case 2: 14
        case 3, 4: 15
        default: 16
        }
      return (1 << UInt64(count)) - 1
    }
  }
}
