// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

extension UserNamespace {
  /// Runs the whole program again as root of a new user namespace, and waits for it.
  ///
  /// Meanwhile this process passes SIGINT, SIGTERM and SIGHUP on, and takes the new one with it when
  /// it is killed. Call it from the main thread, before other threads could take those signals.
  ///
  /// - Parameters:
  ///   - arguments: All of them, the program's name first.
  ///   - environment: `NAME=value`, all of it.
  /// - Returns: What to exit with: the new process's code, or 128 and the signal that ended it.
  package func reexecute(
    arguments: [String], environment: [String], programPath: PathBytes = "/proc/self/exe"
  ) throws(SandboxError) -> Int32 {
    var signals = Self.forwarded
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, &signals, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let ends = try socketPair()
    let line = FileDescriptor(owning: ends.0)
    let pid = try start(
      programPath, arguments, environment: environment, line: FileDescriptor(owning: ends.1),
      signalMask: before)
    do {
      try admit(pid, line)
      try forwardSignals(to: pid)
    } catch {
      kill(pid, SIGKILL)
      _ = try? waitForEnd(of: pid)
      throw error
    }
    return try waitForEnd(of: pid).status
  }

  /// - Parameter line: The child's end, closed here: else its death would go unnoticed.
  private func start(
    _ program: PathBytes, _ arguments: [String], environment: [String],
    line: consuming FileDescriptor, signalMask: sigset_t
  ) throws(SandboxError) -> pid_t {
    try ChildProcess(
      program: program,
      arguments: [SandboxEntry.userNamespaceName, String(line.number)] + arguments,
      environment: environment, descriptors: [(line.number, line.number)], isDetached: false,
      signalMask: signalMask
    ).start()
  }

  private static var forwarded: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    return signals
  }

  /// Maps the IDs once the child has made its namespace, then lets it go on.
  private func admit(_ pid: pid_t, _ line: borrowing FileDescriptor) throws(SandboxError) {
    var errno: Int32 = EPIPE
    let number = line.number
    let size = MemoryLayout<Int32>.size
    _ = try kernel("read") { recv(number, &errno, size, Int32(MSG_WAITALL)) }
    guard errno == 0 else {
      throw SandboxError.refused(operation: "make a user namespace", path: nil, errno: errno)
    }
    try map(newuidmap, pid, SubordinateIDs.mapArguments(own: geteuid(), ranges: uids))
    try map(newgidmap, pid, SubordinateIDs.mapArguments(own: getegid(), ranges: gids))
    var word: UInt8 = 1
    _ = try kernel("write") { send(number, &word, 1, Int32(MSG_NOSIGNAL)) }
  }

  private func map(_ tool: PathBytes, _ pid: pid_t, _ arguments: [String]) throws(SandboxError) {
    let messages = try memoryFile([])
    let null = try openPlace("/dev/null")
    let child = try ChildProcess(
      program: tool, arguments: [tool.name.description, String(pid)] + arguments,
      descriptors: [(0, null.number), (1, messages.number), (2, messages.number)],
      isDetached: true
    ).start()
    let end = try waitForEnd(of: child)
    if end == .exited(0) { return }
    let text = (try? messages.seek(to: 0)).flatMap { try? contents(of: messages, limit: 4096) }
    let message = String(decoding: text ?? [], as: UTF8.self).split(separator: "\n").first
    throw SandboxError.idMapRefused(
      tool: tool.description, message: message.map { String($0) } ?? "status \(end.status)")
  }

  private func forwardSignals(to pid: pid_t) throws(SandboxError) {
    let process = FileDescriptor(owning: try kernel("pidfd_open") { caisson_pidfd_open(pid) })
    var set = Self.forwarded
    let signals = FileDescriptor(
      owning: try kernel("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
    while true {
      var waited = [
        pollfd(fd: process.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0),
      ]
      try kernel("poll") { poll(&waited, 2, -1) }
      if waited[0].revents != 0 { return }
      var information = signalfd_siginfo()
      let size = MemoryLayout<signalfd_siginfo>.size
      let number = signals.number
      _ = try kernel("read") { read(number, &information, size) }
      // A terminal signals its whole foreground group: the child has that one already.
      if information.ssi_code != SI_KERNEL { kill(pid, Int32(information.ssi_signo)) }
    }
  }
}
