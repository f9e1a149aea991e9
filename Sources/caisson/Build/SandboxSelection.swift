// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import LinuxSystem
import Sandboxing

/// Runs the program again inside a user namespace, where that is how RUN is confined.
///
/// Called while the program has one thread and nothing is open.
///
/// - Returns: The exit code of the program inside, or nil when the build goes on right here.
func enterUserNamespaceIfNeeded(_ options: BuildOptions, _ words: [String]) throws -> Int32? {
  guard options.sandbox != .virtual else { return nil }
  let environment = processEnvironment().map { "\($0.key)=\($0.value)" }
  // The usual case for root, at half the price.
  if case .here = SandboxProbe.answer(environment: environment) { return nil }
  guard
    case .inUserNamespace(let namespace) = NamespaceProbe.answer(
      environment: environment, work: options.store)
  else { return nil }
  // Inside, the user looks like root; what depends on who it is was decided here. A store that ends
  // with the build is chosen inside, where its files belong to.
  let store = options.canWriteStore ? ["CAISSON_STORE=\(options.store)"] : []
  return try namespace.reexecute(arguments: words, environment: environment + store)
}

/// The way to run the commands of `plan` in this process; said at level info.
///
/// - Throws: ``SandboxUnavailable`` about the first command, before any step is carried out.
func selectSandbox(
  _ request: SandboxRequest, for plan: BuildPlan, store: PathBytes, log: Log
) throws -> BuildExecution.SandboxChoice {
  guard let first = plan.firstRun else { return .none(reason: "the plan has no RUN", help: "") }
  let decision = SandboxDecision(
    request,
    namespaces: {
      SandboxDecision.Namespaces(NamespaceProbe.answer(environment: [], work: store))
    }, isInitial: UserNamespace.isInitial(), virtual: { VirtualProbe.answer(work: store) })
  if case .none(let unavailable) = decision { throw located(unavailable, at: first.source) }
  log.info("sandbox chosen", ["sandbox": decision.name ?? "", "reason": decision.why ?? ""])
  let scratch = store.appending("sandbox")
  if case .virtual = decision { return .virtual(VirtualSandbox(scratch: scratch)) }
  return .namespaces(NamespaceSandbox(scratch: scratch))
}

extension BuildPlan {
  fileprivate var firstRun: Step? {
    stages.lazy.flatMap(\.steps).first { if case .run = $0.action { true } else { false } }
  }
}
