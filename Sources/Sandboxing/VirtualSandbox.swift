// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A root file system as a plain directory, with what the disk does not say beside it.
package struct VirtualTree: Hashable, Sendable {
  package var directory: PathBytes
  /// The file of its records.
  package var records: PathBytes

  package init(directory: PathBytes, records: PathBytes) {
    self.directory = directory
    self.records = records
  }
}

/// Runs commands without namespaces or privileges, on a root whose owners are recorded.
///
/// A command sees its root and the processes of its sandbox, and believes to be who it was asked to be.
/// The kernel hands every call that could tell otherwise to a supervisor (this program again), which
/// carries it out in the tree. Between the two stands a process that reaps. When the command ends, what
/// it left behind is killed; only then does `run` return. When this process dies, however it dies, the
/// others end too.
package struct VirtualSandbox: Sendable {
  private let programPath: PathBytes
  private let scratch: PathBytes
  private let gracePeriodInMilliseconds: Int32

  /// - Parameters:
  ///   - programPath: A program whose `main` calls ``SandboxEntry/runIfAsked(_:)`` first.
  ///   - scratch: A directory, made if missing, on the file system of the trees.
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
  /// after the grace period. From the first command on, other processes of the same user cannot look
  /// into this one (`PR_SET_DUMPABLE`): the command's are such.
  ///
  /// - Parameters:
  ///   - touched: A file, which is written.
  ///   - standardOutput: A descriptor; it is only copied.
  /// - Returns: How the command ended.
  /// - Throws: ``SandboxError``, or `CancellationError`.
  package func run(
    _ command: SandboxedCommand, in tree: VirtualTree, touched: PathBytes, standardOutput: Int32,
    standardError: Int32
  ) async throws -> ProcessEnd {
    try command.check()
    try Task.checkCancellation()
    try kernel("prctl") { caisson_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    let scratch = self.scratch.appending(String(UInt64.random(in: 0...UInt64.max), radix: 36))
    try makeDirectories(scratch, mode: 0o700)
    defer { try? removeTree(scratch) }
    let description = VirtualDescription(
      tree: tree.directory, records: tree.records, touched: touched, scratch: scratch,
      command: command, resolverFiles: .ofHost(hostname: command.hostname, more: command.hosts),
      gracePeriodInMilliseconds: gracePeriodInMilliseconds)
    return try await SupervisorProcess(
      SandboxEntry.virtualSupervisorName, description, programPath: programPath,
      standardOutput: standardOutput, standardError: standardError
    ).endOfCommand()
  }
}
