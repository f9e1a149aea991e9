// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A program run to its end, and what it said.
package struct Command: Sendable {
  package var arguments: [String]
  /// Added to the environment of the tests.
  package var environment: [String: String] = [:]
  package var directory: String?

  package init(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil
  ) {
    self.init(arguments, environment: environment, directory: directory)
  }

  package init(_ arguments: [String], environment: [String: String] = [:], directory: String? = nil)
  {
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  package struct Result: Sendable {
    /// The exit status, or 128 and the signal, as a shell has it.
    package var status: Int32
    package var output: String
    package var errors: String

    /// Without the newline at the end.
    package var line: String { String(output.split(separator: "\n").last ?? "") }
  }

  /// Whole builds are as wide as the machine is small.
  package static let workers = WorkerThreads(count: 2)

  /// Runs on one of the few threads for whole builds, so that expectations stay in the test's task.
  package func run() async throws -> Result {
    try await Self.workers.run { try runBlocking() }
  }

  package func runBlocking() throws -> Result {
    let folder = try TemporaryFolder()
    let output = folder.path + "/output"
    let errors = folder.path + "/errors"
    let child = try start(output: output, errors: errors, input: nil)
    defer { withExtendedLifetime(folder) {} }
    let status = wait(for: child)
    return Result(status: status, output: try text(of: output), errors: try text(of: errors))
  }

  /// - Parameter input: A descriptor for standard input; nil for /dev/null.
  package func start(output: String, errors: String, input: Int32?) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
    if let directory { posix_spawn_file_actions_addchdir_np(&actions, directory) }
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)

    // A thread of the Swift runtime blocks signals, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = merged().map { strdup($0) } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    var child = pid_t()
    let status = posix_spawnp(&child, arguments[0], &actions, &attributes, &words, &variables)
    guard status == 0 else { throw SystemError("start", PathBytes(arguments[0]), Errno(status)) }
    return child
  }

  private func merged() -> [String] {
    var all: [String: String] = [:]
    var entry = environ
    while let pointer = entry.pointee {
      let pair = String(cString: pointer).split(separator: "=", maxSplits: 1)
      if let name = pair.first { all[String(name)] = pair.count > 1 ? String(pair[1]) : "" }
      entry += 1
    }
    return all.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
  }
}

/// The status of a child that ought to end soon; one that does not is killed, which is its status.
package func wait(for child: pid_t, seconds: Int) -> Int32 {
  for _ in 0..<(seconds * 20) {
    var information = siginfo_t()
    waitid(P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT)
    if information.si_signo == SIGCHLD { return wait(for: child) }
    poll(nil, 0, 50)
  }
  kill(child, SIGKILL)
  return wait(for: child)
}

package func wait(for child: pid_t) -> Int32 {
  var status: Int32 = 0
  while waitpid(child, &status, 0) < 0 && errno == EINTR {}
  let signal = status & 0x7f
  return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}

package func text(of path: String) throws(SystemError) -> String {
  String(decoding: try contents(of: PathBytes(path)), as: UTF8.self)
}

/// A folder that is removed with its owner.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws(SystemError) {
    let name = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    path = "/tmp/caisson-end-to-end." + name
    try makeDirectory(PathBytes(path), mode: 0o755)
  }

  deinit { try? removeTree(PathBytes(path)) }
}
