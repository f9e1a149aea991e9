// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import LinuxSystem
import Sandboxing

/// Runs the program again inside a user namespace, where that is how RUN is confined.
///
/// Called while the program has one thread and nothing is open.
///
/// - Returns: The exit code of the program inside, or nil when the build goes on right here.
func enterUserNamespaceIfNeeded(_ options: BuildOptions, _ words: [String]) throws -> Int32? {
  let environment = processEnvironment().map { "\($0.key)=\($0.value)" }
  guard case .inUserNamespace(let namespace) = SandboxProbe.answer(environment: environment) else {
    return nil
  }
  // Inside, the user looks like root; what depends on who it is was decided here. A store that ends
  // with the build is chosen inside, where its files belong to.
  let store = options.canWriteStore ? ["CAISSON_STORE=\(options.store)"] : []
  return try namespace.reexecute(arguments: words, environment: environment + store)
}

/// The way to run commands in this process; only asked for when there is a command to run.
func sandboxChoice(scratch: PathBytes) -> BuildExecution.SandboxChoice {
  switch SandboxProbe.answer(environment: []) {
  case .here, .inUserNamespace:
    return .namespaces(NamespaceSandbox(scratch: scratch))
  case .nowhere(let reasons):
    return .none(
      reason: reasons.joined(separator: "; "),
      help: "run as root with CAP_SYS_ADMIN, or as a user with ranges in /etc/subuid and "
        + "/etc/subgid and the package uidmap; Dockerfiles without RUN build anywhere")
  }
}
