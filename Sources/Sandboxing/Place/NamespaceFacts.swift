// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// What the namespace sandbox stands on.
package struct NamespaceFacts: Hashable, Sendable {
  package var answer: SandboxDecision.Namespaces
  /// As this process is.
  package var here = MountingFacts()
  /// Within a user namespace of its own, where one is to be had.
  package var inUserNamespace = MountingFacts()
  /// Whether this is the machine's first user namespace.
  package var isInitial = true
  /// How many user IDs exist in it.
  package var userIDCount: UInt64 = 1 << 32
  package var newuidmap: PathBytes?
  package var newgidmap: PathBytes?
  /// In all ranges of /etc/subuid and /etc/subgid that are this user's.
  package var subordinateUIDCount: UInt64 = 0
  package var subordinateGIDCount: UInt64 = 0
  /// `user.max_user_namespaces`; nil where there is no such sysctl, as for the next.
  package var maximum: Int64?
  /// `kernel.unprivileged_userns_clone`, Debian's.
  package var unprivilegedClone: Int64?

  package init(answer: SandboxDecision.Namespaces) { self.answer = answer }

  /// - Parameter environment: `NAME=value`.
  init(environment: [String], work: PathBytes) {
    let directory = nearestDirectory(work)
    answer = SandboxDecision.Namespaces(
      NamespaceProbe.answer(environment: environment, work: work))
    here = NamespaceProbe.facts(inUserNamespace: false, work: directory)
    inUserNamespace = NamespaceProbe.facts(inUserNamespace: true, work: directory)
    isInitial = UserNamespace.isInitial()
    userIDCount = Self.mappedIDs(text(of: "/proc/self/uid_map") ?? "")
    newuidmap = UserNamespace.find("newuidmap", environment)
    newgidmap = UserNamespace.find("newgidmap", environment)
    let names = UserNamespace.userNames()
    subordinateUIDCount = UserNamespace.ranges("/etc/subuid", names).reduce(0) {
      $0 + UInt64($1.count)
    }
    subordinateGIDCount = UserNamespace.ranges("/etc/subgid", names).reduce(0) {
      $0 + UInt64($1.count)
    }
    maximum = number(of: "/proc/sys/user/max_user_namespaces")
    unprivilegedClone = number(of: "/proc/sys/kernel/unprivileged_userns_clone")
  }

  /// The third column of user_namespaces(7)'s map, added up.
  static func mappedIDs(_ map: String) -> UInt64 {
    map.split(separator: "\n").reduce(0) { sum, line in
      let fields = line.split(separator: " ")
      return sum + (fields.count == 3 ? UInt64(fields[2]) ?? 0 : 0)
    }
  }
}
