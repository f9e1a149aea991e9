// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Runs commands in namespaces of their own, on a root made of unpacked layers.
///
/// A command sees only its root, its own processes and the host's network. Three processes of ours
/// stand behind it: this one, a supervisor (this program again, so that there is one thread), and
/// process 1 of the new namespace, which mounts and reaps. When the command ends, process 1 ends,
/// and with it the kernel kills whatever the command left behind; only then does `run` return. When
/// this process dies, however it dies, the others die with it, and the mounts with them.
package struct NamespaceSandbox: Sendable {
  private let programPath: PathBytes
  private let scratch: PathBytes
  private let gracePeriodInMilliseconds: Int32

  /// - Parameters:
  ///   - programPath: A program whose `main` calls ``SandboxEntry/runIfAsked(_:)`` first.
  ///   - scratch: A directory, made if missing, best on the file system of the upper directories
  ///     (else files there show differing device numbers). A few empty files stay in it, which all
  ///     sandboxes share.
  ///   - gracePeriodInMilliseconds: From SIGTERM to SIGKILL when the task is cancelled.
  package init(
    programPath: PathBytes = "/proc/self/exe", scratch: PathBytes,
    gracePeriodInMilliseconds: Int32 = 10_000
  ) {
    self.programPath = programPath
    self.scratch = scratch
    self.gracePeriodInMilliseconds = gracePeriodInMilliseconds
  }

  /// Runs `command`, and returns when nothing that it started is left.
  ///
  /// Cancelling the task sends SIGTERM to the command's process group, and SIGKILL to everything
  /// after the grace period.
  ///
  /// - Parameters:
  ///   - root: The change set is in its upper directory afterwards; see ``OverlayRoot``.
  ///   - standardOutput: A descriptor; it is only copied.
  /// - Throws: ``SandboxError``, or `CancellationError`.
  package func run(
    _ command: SandboxedCommand, in root: OverlayRoot, standardOutput: Int32, standardError: Int32
  ) async throws -> ProcessEnd {
    try command.check()
    return try await carryOut(
      try description(of: root, command), standardOutput: standardOutput,
      standardError: standardError)
  }

  /// Sets a sandbox up as ``run(_:in:standardOutput:standardError:)`` would, and starts nothing.
  package func rehearse(in root: OverlayRoot) async throws {
    _ = try await carryOut(
      try description(of: root, nil), standardOutput: 2, standardError: 2)
  }

  private func carryOut(
    _ description: SandboxDescription, standardOutput: Int32, standardError: Int32
  ) async throws -> ProcessEnd {
    try Task.checkCancellation()
    // The kernel marks a work directory as used up, so each command gets its own.
    try makeDirectory(description.work, mode: 0o700)
    defer { try? removeTree(description.work) }
    return try await SupervisorProcess(
      SandboxEntry.supervisorName, description, programPath: programPath,
      standardOutput: standardOutput, standardError: standardError
    ).endOfCommand()
  }

  private func description(of root: OverlayRoot, _ command: SandboxedCommand?)
    throws(SandboxError) -> SandboxDescription
  {
    let places = try translating { () throws(SystemError) in try SandboxPlaces(in: scratch) }
    return SandboxDescription(
      lower: root.lower, upper: root.upper,
      work: root.work.appending(String(UInt64.random(in: 0...UInt64.max), radix: 36)),
      skeleton: places.skeleton,
      mountPoint: places.mountPoint, usesUserAttributes: !UserNamespace.isInitial(),
      command: command,
      resolverFiles: .ofHost(
        hostname: command?.hostname ?? SandboxDescription.ownHostname, more: command?.hosts ?? []),
      gracePeriodInMilliseconds: gracePeriodInMilliseconds)
  }
}
