// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// What this place allows. Asked once, at the start; it takes milliseconds and leaves nothing.
package enum SandboxProbe {
  package enum Answer: Sendable {
    /// This process may make namespaces and mount as it is.
    case here
    /// It may after ``UserNamespace/reexecute(arguments:environment:programPath:)``.
    case inUserNamespace(UserNamespace)
    /// For people, one sentence each.
    case nowhere(reasons: [String])
  }

  /// - Parameter environment: `NAME=value`, for ``UserNamespace/availability(environment:)``.
  package static func answer(environment: [String]) -> Answer {
    guard let refusal = refusalHere() else { return .here }
    if Capability.systemAdministration.isEffective {
      // All the rights a further user namespace could give are there already.
      return .nowhere(reasons: [refusal])
    }
    switch UserNamespace.availability(environment: environment) {
    case .available(let namespace): return .inUserNamespace(namespace)
    case .unavailable(let reason): return .nowhere(reasons: [refusal, reason])
    }
  }

  /// Why this process cannot do it as it is; nil when it can.
  private static func refusalHere() -> String? {
    guard Capability.systemAdministration.isEffective else {
      return geteuid() == 0
        ? "root lacks the capability CAP_SYS_ADMIN here" : "the user is not root"
    }
    let flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    let unshared = caisson_try_unshare(flags)
    guard unshared == 0 else { return "the kernel refuses namespaces to root: \(Errno(unshared))" }
    let options = "lowerdir=lower,upperdir=upper,workdir=work"
    let mounted = caisson_try_overlay(
      UserNamespace.isInitial() ? options : options + ",userxattr")
    return mounted == 0 ? nil : "the kernel refuses an overlay to root: \(Errno(mounted))"
  }
}
