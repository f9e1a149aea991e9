// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// How a program is started: `posix_spawn`, which is safe whatever threads there are.
struct ChildProcess {
  var program: PathBytes
  var arguments: [String]
  var environment: [String] = []
  /// The child's descriptor numbers and which of ours they are; besides, it inherits what is not
  /// close-on-exec.
  var descriptors: [(number: Int32, source: Int32)]
  /// A session of its own, no signal blocked or ignored; otherwise these are inherited.
  var isDetached: Bool
  /// The signals blocked in a child that is not detached.
  var signalMask: sigset_t?

  /// - Returns: The process ID; the caller waits for it.
  func start() throws(SandboxError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var raised: [Int32] = []
    defer { for number in raised { close(number) } }
    for (number, source) in descriptors {
      // Above every target, so that no target overwrites a source.
      let copy = try kernel("dup") { caisson_fcntl_int(source, F_DUPFD_CLOEXEC, 64) }
      raised.append(copy)
      posix_spawn_file_actions_adddup2(&actions, copy, number)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    set(&attributes)
    var pid = pid_t()
    let status = program.withCString { program in
      withCStrings(arguments) { arguments in
        withCStrings(environment) {
          posix_spawn(&pid, program, &actions, &attributes, arguments, $0)
        }
      }
    }
    guard status == 0 else {
      throw SandboxError.refused(operation: "start", path: program.description, errno: status)
    }
    return pid
  }

  private func set(_ attributes: inout posix_spawnattr_t) {
    var flags: Int32 = 0
    var signals = sigset_t()
    if isDetached {
      flags |= POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
      sigfillset(&signals)
      posix_spawnattr_setsigdefault(&attributes, &signals)
      sigemptyset(&signals)
      posix_spawnattr_setsigmask(&attributes, &signals)
    } else if var mask = signalMask {
      flags |= POSIX_SPAWN_SETSIGMASK
      posix_spawnattr_setsigmask(&attributes, &mask)
    }
    posix_spawnattr_setflags(&attributes, Int16(flags))
  }
}

/// Waits until process `pid`, a child of ours, has ended.
func waitForEnd(of pid: pid_t) throws(SandboxError) -> ProcessEnd {
  var status: Int32 = 0
  try kernel("wait") { waitpid(pid, &status, 0) }
  return ProcessEnd(waitStatus: status)
}

extension ProcessEnd {
  init(waitStatus status: Int32) {
    self =
      caisson_wifsignaled(status) != 0
      ? .signaled(caisson_wtermsig(status)) : .exited(caisson_wexitstatus(status))
  }
}

/// A memory file that holds `bytes` and is read from its start.
func memoryFile(_ bytes: [UInt8]) throws(SandboxError) -> FileDescriptor {
  let number = try kernel("memfd_create") { memfd_create("caisson", UInt32(MFD_CLOEXEC)) }
  let file = FileDescriptor(owning: number)
  try translating { () throws(SystemError) in
    try file.writeAll(bytes)
    try file.seek(to: 0)
  }
  return file
}

/// Two ends of a stream between processes, close-on-exec.
func socketPair() throws(SandboxError) -> (Int32, Int32) {
  var ends: [Int32] = [-1, -1]
  let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  try kernel("socketpair") { socketpair(AF_UNIX, kind, 0, &ends) }
  return (ends[0], ends[1])
}
