// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A user namespace in which an ordinary user is root and has the IDs of its subordinate ranges.
package struct UserNamespace: Sendable {
  package enum Availability: Sendable {
    case available(UserNamespace)
    /// For people: what is missing.
    case unavailable(reason: String)
  }

  let newuidmap: PathBytes
  let newgidmap: PathBytes
  let uids: [SubordinateIDs]
  let gids: [SubordinateIDs]

  /// Whether this place lets us have one.
  ///
  /// - Parameter environment: `NAME=value`; `PATH` says where `newuidmap` may be.
  package static func availability(environment: [String]) -> Availability {
    guard let newuidmap = find("newuidmap", environment),
      let newgidmap = find("newgidmap", environment)
    else {
      return .unavailable(reason: "newuidmap or newgidmap is missing (package uidmap)")
    }
    let names = userNames()
    let user = names.sorted().last ?? ""
    let uids = ranges("/etc/subuid", names)
    if uids.isEmpty { return .unavailable(reason: "user \(user) has no range in /etc/subuid") }
    let gids = ranges("/etc/subgid", names)
    if gids.isEmpty { return .unavailable(reason: "user \(user) has no range in /etc/subgid") }
    let errno = caisson_try_unshare(CLONE_NEWUSER)
    guard errno == 0 else {
      return .unavailable(
        reason: "the kernel refuses a user namespace: \(Errno(errno)) "
          + "(seccomp, AppArmor, user.max_user_namespaces or kernel.unprivileged_userns_clone)")
    }
    let status = (try? contents(of: "/proc/self/status")) ?? []
    if String(decoding: status, as: UTF8.self).contains("NoNewPrivs:\t1") {
      return .unavailable(reason: "no_new_privs is set, so newuidmap cannot work")
    }
    return .available(
      UserNamespace(newuidmap: newuidmap, newgidmap: newgidmap, uids: uids, gids: gids))
  }

  /// Whether this process is in the machine's first user namespace, where IDs are what they say.
  package static func isInitial() -> Bool {
    let map = (try? contents(of: "/proc/self/uid_map")) ?? []
    let fields = String(decoding: map, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    return fields == ["0", "0", "4294967295"]
  }

  static func find(_ tool: String, _ environment: [String]) -> PathBytes? {
    let variable = environment.last { $0.hasPrefix("PATH=") }
    let directories = (variable?.dropFirst("PATH=".count) ?? "").split(separator: ":")
    return (directories.map { String($0) } + ["/usr/bin", "/usr/local/bin", "/bin"])
      .filter { $0.hasPrefix("/") }
      .map { PathBytes($0).appending(tool) }
      .first { $0.withCString { access($0, X_OK) } == 0 }
  }

  static func ranges(_ file: PathBytes, _ names: Set<String>) -> [SubordinateIDs] {
    SubordinateIDs.ranges(in: (try? contents(of: file)) ?? [], of: names)
  }

  /// The number of the effective user, and its login name where it has one.
  static func userNames() -> Set<String> {
    let uid = geteuid()
    var names: Set<String> = [String(uid)]
    if let entry = getpwuid(uid), let name = entry.pointee.pw_name {
      names.insert(String(cString: name))
    }
    return names
  }
}
