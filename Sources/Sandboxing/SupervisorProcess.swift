// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// This process's side of a running sandbox: its supervisor, and the line to it.
///
/// Closing the line, which the kernel does when this process dies, makes the supervisor kill all.
final class SupervisorProcess: Sendable {
  private let pid: pid_t
  private let line: FileDescriptor

  /// - Parameters:
  ///   - name: What the program is asked to be; see ``SandboxEntry``.
  ///   - description: What it is told then.
  init(
    _ name: String, _ description: some Encodable, programPath: PathBytes, standardOutput: Int32,
    standardError: Int32
  ) throws {
    let file = try memoryFile(try encodeJSON(description))
    let null = try FileDescriptor.open("/dev/null", flags: O_RDONLY)
    let ends = try socketPair()
    line = FileDescriptor(owning: ends.0)
    let theirs = FileDescriptor(owning: ends.1)
    pid = try ChildProcess(
      program: programPath, arguments: [name],
      descriptors: [
        (0, null.number), (1, standardOutput), (2, standardError),
        (SupervisorLine.descriptionNumber, file.number),
        (SupervisorLine.number, theirs.number),
      ],
      isDetached: true
    ).start()
  }

  /// Lets the command run to its end, or have one made when the task is cancelled.
  ///
  /// - Throws: ``SandboxError``, or `CancellationError`.
  func endOfCommand() async throws -> ProcessEnd {
    let report = await withTaskCancellationHandler {
      await self.report()
    } onCancel: {
      terminate()
    }
    // Before the report: a sandbox that had to be killed has none.
    try Task.checkCancellation()
    switch try report.get() {
    case .ended(let end): return end
    case .failed(let error): throw error
    }
  }

  /// Asks for an orderly end: SIGTERM now, SIGKILL after the grace period.
  private func terminate() {
    var word = SupervisorLine.terminate
    // When nobody listens any more the sandbox has ended anyway.
    _ = send(line.number, &word, 1, Int32(MSG_NOSIGNAL))
  }

  /// What the sandbox reports, once all its processes have ended. Called once.
  private func report() async -> Result<SandboxReport, any Error> {
    await withCheckedContinuation { continuation in
      // A command may run for hours: it gets a thread, not a place in a pool.
      startThread { continuation.resume(returning: Result { try self.waitForReport() }) }
    }
  }

  private func waitForReport() throws -> SandboxReport {
    let text = Result { try contents(of: line) }
    let end = try waitForEnd(of: pid)
    guard end == .exited(0), let text = try? text.get(), !text.isEmpty else {
      throw SandboxError.supervisorDied(status: end.status)
    }
    return try decodeJSON(SandboxReport.self, from: text)
  }
}
