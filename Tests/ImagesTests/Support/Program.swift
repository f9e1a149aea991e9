// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport

/// Where a program is that the tests compare with; nil when it is not installed.
func program(_ name: String) -> String? {
  ["/usr/bin/", "/usr/local/bin/", "/bin/"].map { $0 + name }.first { exists(PathBytes($0)) }
}

/// Runs a program; standard output and error go to one text.
func run(_ arguments: String..., in directory: TemporaryDirectory) async throws -> (
  status: Int32, output: String
) {
  try await workers.run {
    let output = directory.appending(
      "output-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    _ = output.withCString {
      posix_spawn_file_actions_addopen(&actions, 1, $0, O_WRONLY | O_CREAT, 0o600)
    }
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var child = pid_t()
    let spawned = posix_spawnp(&child, arguments[0], &actions, nil, words, environ)
    guard spawned == 0 else {
      throw SystemError("posix_spawn", PathBytes(arguments[0]), Errno(spawned))
    }
    var status: Int32 = 0
    try retrying("waitpid") { waitpid(child, &status, 0) }
    return (status, String(decoding: try contents(of: output), as: UTF8.self))
  }
}
