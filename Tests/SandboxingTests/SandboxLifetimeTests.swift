// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

/// That nothing outlives its sandbox, and no sandbox its program.
@Suite(
  .enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"), .timeLimit(.minutes(2)))
struct SandboxLifetimeTests {
  @Test(
    arguments: [
      // Ends at SIGTERM, and can tell of it.
      ("trap 'echo ended; exit 0' TERM; echo ready; while true; do sleep 1000 & wait; done", true),
      // Must be killed.
      ("trap '' TERM; echo ready; while true; do sleep 1000; done", false),
    ], SandboxKind.allCases)
  func `cancelling ends the command, gently first`(
    command: (line: String, endsItself: Bool), kind: SandboxKind
  ) async throws {
    let (line, endsItself) = command
    let fixture = try SandboxFixture(kind)
    let output = try Pipe()
    let writer = output.writer
    let grace: Int32 = endsItself ? 60_000 : 100
    let command = SandboxedCommand(.arguments(["sh", "-c", line]), environment: ["PATH=/bin"])
    let task = Task {
      try await fixture.run(command, gracePeriodInMilliseconds: grace, output: writer)
    }
    #expect(try await output.line() == "ready")
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    output.closeWriter()
    // The end of the file: nobody is left to write.
    #expect(try await output.rest() == (endsItself ? "ended\n" : ""))
  }

  @Test(arguments: SandboxKind.allCases)
  func `a task cancelled before starts nothing`(kind: SandboxKind) async throws {
    let fixture = try SandboxFixture(kind)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await fixture.run("touch /started")
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try fixture.changes() == [])
  }

  @Test(arguments: [SIGKILL, SIGTERM], SandboxKind.allCases)
  func `when the program is killed nothing of the sandbox is left`(
    signal: Int32, kind: SandboxKind
  ) async throws {
    let fixture = try SandboxFixture(kind)
    let (pid, output) = try await startProgram(fixture)
    kill(pid, signal)
    // Ends only when every process that has the pipe has ended, the supervisor among them.
    #expect(try await output.rest() == "")
    #expect(try waitForEnd(of: pid) == .signaled(signal))
    let mounts = String(decoding: try contents(of: "/proc/self/mounts"), as: UTF8.self)
    #expect(!mounts.contains(fixture.directory.description))
  }
}

extension SandboxLifetimeTests {
  @Test(arguments: ["supervisor", "reaper"])
  func `a process of a virtual sandbox that is killed takes it along`(which: String) async throws {
    let fixture = try SandboxFixture(.virtual)
    let (pid, output) = try await startProgram(fixture)
    let supervisor = try #require(try children(of: pid).first)
    kill(
      which == "supervisor" ? supervisor : try #require(try children(of: supervisor).first), SIGKILL
    )
    #expect(try await output.rest().contains("ended unexpectedly"))
    #expect(try waitForEnd(of: pid) == .exited(3))
  }

  /// Starts a program that runs two processes in a sandbox, and waits until they do.
  private func startProgram(_ fixture: SandboxFixture) async throws -> (pid: pid_t, output: Pipe) {
    let output = try Pipe()
    let pid = try ChildProcess(
      program: try testProgram(),
      arguments: ["SandboxTestProgram"] + (fixture.kind == .virtual ? ["virtual"] : []) + [
        fixture.directory.description, "sh", "-c", "setsid sleep 1000 & echo ready; sleep 1000",
      ],
      descriptors: [(1, output.writer), (2, output.writer)], isDetached: true
    ).start()
    output.closeWriter()
    #expect(try await output.line() == "ready")
    return (pid, output)
  }

  private func children(of parent: pid_t) throws -> [pid_t] {
    try names(inDirectory: "/proc").compactMap { name in
      guard let process = pid_t(name.description),
        let status = try? contents(of: PathBytes("/proc/\(process)/status")),
        String(decoding: status, as: UTF8.self).contains("\nPPid:\t\(parent)\n")
      else { return nil }
      return process
    }
  }
}

/// A pipe whose reading blocks a thread of its own, not the tests'.
final class Pipe: @unchecked Sendable {
  // Unchecked: only the one test that owns it touches it, one call after the other.
  let reader: FileDescriptor
  let writer: Int32
  private var isWriterOpen = true
  private let workers = WorkerThreads(count: 1)

  init() throws {
    var ends: [Int32] = [-1, -1]
    try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
    reader = FileDescriptor(owning: ends[0])
    writer = ends[1]
  }

  deinit { closeWriter() }

  func closeWriter() {
    if isWriterOpen { close(writer) }
    isWriterOpen = false
  }

  /// Up to the next newline, which is dropped.
  func line() async throws -> String {
    try await workers.run { [self] in
      var line: [UInt8] = []
      var byte: [UInt8] = [0]
      while try byte.withUnsafeMutableBytes({ try reader.read(into: $0) }) == 1,
        byte[0] != UInt8(ascii: "\n")
      {
        line.append(byte[0])
      }
      return String(decoding: line, as: UTF8.self)
    }
  }

  func rest() async throws -> String {
    try await workers.run { [self] in String(decoding: try contents(of: reader), as: UTF8.self) }
  }
}
