// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Glibc
import Layers
import LinuxSystem
import Sandboxing

extension StageBuilder {
  /// `RUN`: the command in a sandbox on an overlay of the layers; its upper directory is the change.
  func perform(_ run: RunStep, _ step: Step, _ id: BuildEvent.StepID) async throws -> StageLayer? {
    let sandbox: NamespaceSandbox
    switch surroundings.sandbox {
    case .namespaces(let available): sandbox = available
    case .virtual:
      throw ExecutionError.noSandbox(
        reason: "the virtual sandbox is not carried out yet",
        help: "use --sandbox namespaces where it is to be had", at: step.source)
    case .none(let reason, let help):
      throw ExecutionError.noSandbox(reason: reason, help: help, at: step.source)
    }
    ranCommand = true
    let place = surroundings.fetcher.store.temporaryPath()
    do {
      return try await perform(run, step, id, in: sandbox, at: place)
    } catch {
      try? removeTree(place)
      throw error
    }
  }

  /// - Parameter place: For the directories of the overlay; not there yet.
  private func perform(
    _ run: RunStep, _ step: Step, _ id: BuildEvent.StepID, in sandbox: NamespaceSandbox,
    at place: PathBytes
  ) async throws -> StageLayer? {
    let root = try await makeOverlay(at: place)
    try await makeWorkingDirectory(run, in: root)
    let identity = try await identity(of: run.user, at: step.source)
    var environment = run.environment
    if !environment.contains(where: { $0.hasPrefix("HOME=") }) {
      environment.append("HOME=" + identity.home)
    }
    let program: SandboxedCommand.Program =
      switch run.command {
      case .arguments(let arguments): .arguments(arguments)
      case .script(let text): .script(text)
      }
    let command = SandboxedCommand(
      program, environment: environment, workingDirectory: run.workingDirectory,
      uid: identity.uid, gid: identity.gid, groups: identity.groups, hostname: "caisson")
    let end = try await start(command, in: root, with: sandbox, id)
    try check(end, step)
    try? removeTree(root.work)
    return try layer(of: root)
  }

  private func makeOverlay(at place: PathBytes) async throws -> OverlayRoot {
    let lower = try await files.directories()
    try LinuxSystem.makeDirectory(place, mode: 0o700)
    let root = OverlayRoot(
      lower: lower, upper: place.appending("upper"), work: place.appending("work"))
    try LinuxSystem.makeDirectory(root.upper, mode: 0o755)
    try LinuxSystem.makeDirectory(root.work, mode: 0o700)
    let entry = try await files.rootEntry()
    try retrying("chown", root.upper) { root.upper.withCString { chown($0, entry.uid, entry.gid) } }
    try retrying("chmod", root.upper) {
      root.upper.withCString { chmod($0, mode_t(entry.permissions)) }
    }
    return root
  }

  /// Makes the working directory when the image names one it does not have.
  private func makeWorkingDirectory(_ run: RunStep, in root: OverlayRoot) async throws {
    guard !workingDirectories.contains(run.workingDirectory) else { return }
    let found = try await files.tree().resolve(PathBytes(run.workingDirectory))
    if found.node == nil {
      try makeDirectories(root.upper.appending(found.path), mode: 0o755)
    }
    workingDirectories.insert(run.workingDirectory)
  }

  private func identity(of user: String, at range: SourceRange) async throws
    -> UserDatabase.Identity
  {
    if user.isEmpty || user == "0" || user == "root" {
      return UserDatabase.Identity(uid: 0, gid: 0, groups: [0], home: "/root")
    }
    return try await users().identity(user, at: range)
  }

  private func start(
    _ command: SandboxedCommand, in root: OverlayRoot, with sandbox: NamespaceSandbox,
    _ id: BuildEvent.StepID
  ) async throws -> ProcessEnd {
    if options.passesOutputThrough {
      return try await sandbox.run(
        command, in: root, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO)
    }
    let output = try OutputPump { [report] in report(.stepOutput(id, $0, isError: false)) }
    let errors = try OutputPump { [report] in report(.stepOutput(id, $0, isError: true)) }
    do {
      let end = try await sandbox.run(
        command, in: root, standardOutput: output.input, standardError: errors.input)
      output.finish()
      errors.finish()
      return end
    } catch {
      output.finish()
      errors.finish()
      throw error
    }
  }

  private func check(_ end: ProcessEnd, _ step: Step) throws {
    switch end {
    case .exited(0): return
    case .exited(let status):
      throw ExecutionError.commandFailed(command: step.text, status: status, at: step.source)
    case .signaled(let signal):
      throw ExecutionError.commandKilled(command: step.text, signal: signal, at: step.source)
    }
  }

  private func layer(of root: OverlayRoot) throws -> StageLayer? {
    let entries = try OverlayChanges.read(
      upper: root.upper, lower: root.lower, format: surroundings.unpacked.format)
    guard !entries.isEmpty else { return nil }
    let changes = ChangeSet(directory: root.upper, entries: entries)
    try files.append(.changes(changes), isInTree: false, entries: entries)
    return .changes(changes)
  }
}
