// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Glibc
import Layers
import LinuxSystem
import OCI
import Sandboxing

extension StageBuilder {
  /// `RUN`: the command in a sandbox on the files of the layers.
  func perform(_ run: RunStep, _ step: Step, _ id: BuildEvent.StepID) async throws -> StageLayer? {
    let root = try stepRoot(at: step.source)
    try checkPlatform(at: step.source)
    ranCommand = true
    do {
      return try await perform(run, step, id, in: root)
    } catch {
      root.remove()
      throw error
    }
  }

  /// Before the command is told that its format is unknown.
  private func checkPlatform(at range: SourceRange) throws(ExecutionError) {
    let platform = stage.platform
    let host = Platform.host
    let isNative = platform.os == host.os && platform.architecture == host.architecture
    if !isNative, case .virtual = surroundings.sandbox {
      throw .foreignPlatform(
        platform, reason: "the virtual sandbox runs programs of \(host) only", at: range)
    }
    if let reason = surroundings.foreignPrograms.obstacle(to: platform, onHost: host) {
      throw .foreignPlatform(platform, reason: reason, at: range)
    }
  }

  private func stepRoot(at range: SourceRange) throws -> any StepRoot {
    let fetcher = surroundings.fetcher
    switch surroundings.sandbox {
    case .namespaces(let sandbox):
      return OverlayStepRoot(
        sandbox, on: files, format: surroundings.unpacked.format,
        at: fetcher.store.temporaryPath())
    case .virtual(let sandbox):
      if let recordedRoot { return recordedRoot }
      let root = RecordedStepRoot(
        sandbox, on: files, unpacked: surroundings.unpacked, fetcher: fetcher,
        at: fetcher.store.temporaryPath())
      recordedRoot = root
      return root
    case .none(let reason, let help):
      throw ExecutionError.noSandbox(reason: reason, help: help, at: range)
    }
  }

  private func perform(
    _ run: RunStep, _ step: Step, _ id: BuildEvent.StepID, in root: any StepRoot
  ) async throws -> StageLayer? {
    try await root.prepare()
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
    let mounts = try await mounts(run, in: root, id)
    defer { remove(mounts) }
    for assignment in mounts.environment {
      let name = assignment.prefix { $0 != "=" } + "="
      if name == "SSH_AUTH_SOCK=", environment.contains(where: { $0.hasPrefix(name) }) { continue }
      environment.removeAll { $0.hasPrefix(name) }
      environment.append(assignment)
    }
    var command = SandboxedCommand(
      program, environment: environment, workingDirectory: run.workingDirectory,
      uid: identity.uid, gid: identity.gid, groups: identity.groups, hostname: "caisson")
    command.mounts = mounts.list
    command.hosts = options.commands.hosts
    command.limits = options.commands.limits
    command.sharedMemorySizeInBytes = options.commands.sharedMemorySizeInBytes
    if command.sharedMemorySizeInBytes != nil, root.records != nil {
      warn("the virtual sandbox does not keep /dev/shm to a size", id)
    }
    command.network = run.network == .none ? .none : .host
    let end = try await start(command, in: root, id)
    if let records = root.records {
      for cache in mounts.caches { try cache.save(from: records) }
    }
    try check(end, step)
    guard let changes = try await root.changes() else { return nil }
    try files.append(.changes(changes), isInTree: false, entries: changes.entries)
    return .changes(changes)
  }

  /// Makes the working directory when the image names one it does not have.
  private func makeWorkingDirectory(_ run: RunStep, in root: any StepRoot) async throws {
    guard !workingDirectories.contains(run.workingDirectory) else { return }
    let found = try await files.tree().resolve(PathBytes(run.workingDirectory))
    if found.node == nil { try await root.makeDirectory(found.path) }
    workingDirectories.insert(run.workingDirectory)
  }

  private func identity(of user: String, at range: SourceRange) async throws
    -> UserDatabase.Identity
  {
    if user.isEmpty || user == "0" {
      return UserDatabase.Identity(uid: 0, gid: 0, groups: [0], home: "/root")
    }
    return try await users().identity(user, at: range)
  }

  private func start(
    _ command: SandboxedCommand, in root: any StepRoot, _ id: BuildEvent.StepID
  ) async throws -> ProcessEnd {
    if options.passesOutputThrough {
      return try await root.run(
        command, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO)
    }
    let output = try OutputPump { [report] in report(.stepOutput(id, $0, isError: false)) }
    let errors = try OutputPump { [report] in report(.stepOutput(id, $0, isError: true)) }
    do {
      let end = try await root.run(
        command, standardOutput: output.input, standardError: errors.input)
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
}
