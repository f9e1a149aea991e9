// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// A program that is run to its end, standard input empty.
package struct ProgramRun: Sendable {
  /// Looked for in the `PATH` of ``environment``.
  package var program: String
  package var arguments: [String]
  /// `NAME=value`, all of it.
  package var environment: [String]
  /// What is kept of each stream; the rest is read and dropped.
  package var longestOutputInBytes = 1 << 20

  package struct Result: Sendable {
    /// The exit code, or 128 and the signal's number.
    package var status: Int32
    package var output: [UInt8]
    package var errors: [UInt8]
  }

  package init(_ program: String, _ arguments: [String], environment: [String]) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
  }

  /// Waits for the end on a thread of its own; cancelling the task ends the program and what it
  /// started.
  ///
  /// - Throws: ``SystemError`` when it cannot be started, or `CancellationError`.
  package func run() async throws -> Result {
    let started = try start()
    return try await withTaskCancellationHandler {
      let result = await withCheckedContinuation { continuation in
        startThread { continuation.resume(returning: started.finish(longestOutputInBytes)) }
      }
      try Task.checkCancellation()
      return result
    } onCancel: {
      kill(-started.process, SIGKILL)
    }
  }

  private struct Started: Sendable {
    var process: pid_t
    var output: Int32
    var errors: Int32

    func finish(_ limit: Int) -> Result {
      var kept: [[UInt8]] = [[], []]
      var waits = [output, errors].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while waits.contains(where: { $0.fd >= 0 }) {
        if poll(&waits, nfds_t(waits.count), -1) < 0 { continue }
        for index in waits.indices where waits[index].fd >= 0 && waits[index].revents != 0 {
          let count = read(waits[index].fd, &buffer, buffer.count)
          if count > 0 {
            let room = limit - kept[index].count
            kept[index] += buffer[..<min(count, room)]
          } else if count == 0 || errno != EINTR {
            close(waits[index].fd)
            waits[index].fd = -1
          }
        }
      }
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
      let code =
        caisson_wifsignaled(status) != 0
        ? 128 + caisson_wtermsig(status) : caisson_wexitstatus(status)
      return Result(status: code, output: kept[0], errors: kept[1])
    }
  }

  private func start() throws(SystemError) -> Started {
    var (output, errors): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    try retrying("pipe") { pipe2(&output, O_CLOEXEC) }
    try retrying("pipe") { pipe2(&errors, O_CLOEXEC) }
    defer { for number in [output[1], errors[1]] { close(number) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output[1], 1)
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var process = pid_t()
    let status = withCStrings([program] + arguments) { arguments in
      withCStrings(environment) { environment in
        posix_spawnp(&process, program, &actions, &attributes, arguments, environment)
      }
    }
    guard status == 0 else {
      for number in [output[0], errors[0]] { close(number) }
      throw SystemError("start", PathBytes(program), Errno(status))
    }
    return Started(process: process, output: output[0], errors: errors[0])
  }
}

/// Calls `body` with a null-terminated vector of C strings.
package func withCStrings<Result>(
  _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return body(copies + [nil])
}
