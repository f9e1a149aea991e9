// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// The command of a sandbox, seen by the process that reaps there.
struct CommandProcess {
  private let pid: pid_t

  /// What a reaping process waits for: children that ended, and the wish that the command end. They
  /// are blocked before it exists, so that none is lost.
  static var signals: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGCHLD)
    sigaddset(&signals, SIGTERM)
    return signals
  }

  /// Forks, and returns once the child has become the command.
  ///
  /// - Parameter become: Called in the child.
  /// - Returns: Never without having called it.
  /// - Throws: Why the command could not be started, as the child told it.
  init(_ become: () throws(SandboxError) -> SandboxError) throws(SandboxError) {
    var ends: [Int32] = [-1, -1]
    try kernel("pipe") { pipe2(&ends, O_CLOEXEC) }
    pid = try kernel("fork") { fork() }
    if pid == 0 { Self.run(become, tellingFailureTo: FileDescriptor(owning: ends[1])) }
    close(ends[1])
    // Empty once the command has replaced the child; from then on it has its own process group.
    let failure = try translating { () throws(SystemError) in
      try contents(of: FileDescriptor(owning: ends[0]))
    }
    if let error = try? decodeJSON(SandboxError.self, from: failure) { throw error }
  }

  private static func run(
    _ become: () throws(SandboxError) -> SandboxError,
    tellingFailureTo pipe: consuming FileDescriptor
  ) -> Never {
    let error: SandboxError
    do throws(SandboxError) { error = try become() } catch let failure { error = failure }
    if let text = try? encodeJSON(error) { try? pipe.writeAll(text) }
    _exit(127)
  }

  /// Reaps until the command has ended.
  ///
  /// - Parameters:
  ///   - signals: Those of ``signals`` and others; blocked.
  ///   - other: Called for the others.
  func waitForEnd(
    _ signals: sigset_t = CommandProcess.signals, other: (Int32) -> Void = { _ in }
  ) throws(SandboxError) -> ProcessEnd {
    var signals = signals
    while true {
      if let end = try end() { return end }
      switch try kernel("sigwaitinfo", nil, { sigwaitinfo(&signals, nil) }) {
      case SIGCHLD: continue
      case SIGTERM: kill(-pid, SIGTERM)
      case let signal: other(signal)
      }
    }
  }

  private func end() throws(SandboxError) -> ProcessEnd? {
    while true {
      var status: Int32 = 0
      let ended = try kernel("wait") { waitpid(-1, &status, WNOHANG) }
      if ended == 0 { return nil }
      if ended == pid { return ProcessEnd(waitStatus: status) }
    }
  }
}

/// Makes this process, a child that is to become a command, forget where it comes from: it leads a
/// session, has no signal ignored or blocked, and reads nothing.
func leaveParent() throws(SandboxError) {
  try kernel("setsid") { setsid() }
  for signal in 1..<endOfSignals { caisson_reset_signal(signal) }
  var none = sigset_t()
  sigemptyset(&none)
  try kernel("sigprocmask") { sigprocmask(SIG_SETMASK, &none, nil) }
  let null = try translating { () throws(SystemError) in
    try FileDescriptor.open("/dev/null", flags: O_RDONLY)
  }
  let number = null.number
  try kernel("dup", "/dev/null") { dup2(number, 0) }
}

/// One past the last signal number of the kernel.
private let endOfSignals: Int32 = 65
