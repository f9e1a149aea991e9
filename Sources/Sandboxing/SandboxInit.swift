// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// Process 1 of a sandbox: it mounts everything, starts the command, and reaps. Its end is the end of
/// every process in its namespace.
struct SandboxInit {
  let description: SandboxDescription

  /// What it waits for: children that ended, and the wish that the command end.
  static var signals: sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGCHLD)
    sigaddset(&signals, SIGTERM)
    return signals
  }

  /// - Parameter supervisor: A descriptor of the parent process (`pidfd_open`).
  func run(below supervisor: Int32) -> Never {
    do throws(SandboxError) {
      try tieToLife(of: supervisor)
      try setUp()
      let end = try description.program.map { (program) throws(SandboxError) in
        try run(program)
      }
      SandboxSupervisor.write(.ended(end ?? .exited(0)))
    } catch {
      SandboxSupervisor.write(.failed(error))
    }
    _exit(0)
  }

  /// Whoever kills the supervisor kills the sandbox.
  private func tieToLife(of supervisor: Int32) throws(SandboxError) {
    try kernel("prctl") { caisson_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0) }
    // It may have died before that line; a parent outside the namespace has no ID to compare.
    var waited = pollfd(fd: supervisor, events: Int16(POLLIN), revents: 0)
    if poll(&waited, 1, 0) != 0 { _exit(1) }
  }

  private func setUp() throws(SandboxError) {
    try kernel("make mount, IPC and UTS namespaces") {
      unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
    }
    let length = description.hostname.utf8.count
    try kernel("sethostname") { sethostname(description.hostname, length) }
    // Keys of the host's session are not the command's business; a kernel without keyrings is fine.
    _ = caisson_new_session_keyring()
    let root = try RootMount(description).mount()
    if case .script(let text)? = description.program {
      try Script.write(text, in: root)
    }
    try enter(root)
    close_range(UInt32(SandboxSupervisor.lineNumber) + 1, UInt32.max, 0)
  }

  /// Makes `root` the root and forgets the old one.
  private func enter(_ root: borrowing FileDescriptor) throws(SandboxError) {
    let number = root.number
    try kernel("fchdir") { fchdir(number) }
    // The old root comes to lie on the new one, where detaching takes it and all its mounts away.
    try kernel("pivot_root") { caisson_pivot_root(".", ".") }
    try kernel("umount") { umount2(".", Int32(MNT_DETACH)) }
    try kernel("chdir", "/") { chdir("/") }
  }

  private func run(_ program: SandboxedCommand.Program) throws(SandboxError) -> ProcessEnd {
    let start = CommandStart(program: program, description: description)
    var ends: [Int32] = [-1, -1]
    try kernel("pipe") { pipe2(&ends, O_CLOEXEC) }
    let pid = try kernel("fork") { fork() }
    if pid == 0 { start.run(tellingFailureTo: FileDescriptor(owning: ends[1])) }
    close(ends[1])
    // Empty once the command has replaced the child; from then on it has its own process group.
    let failure = try translating { () throws(SystemError) in
      try contents(of: FileDescriptor(owning: ends[0]))
    }
    if let error = try? decodeJSON(SandboxError.self, from: failure) { throw error }
    return try reap(until: pid)
  }

  private func reap(until command: pid_t) throws(SandboxError) -> ProcessEnd {
    var signals = Self.signals
    while true {
      if let end = try endOfCommand(command) { return end }
      let signal = try kernel("sigwaitinfo") { sigwaitinfo(&signals, nil) }
      if signal == SIGTERM { kill(-command, SIGTERM) }
    }
  }

  private func endOfCommand(_ command: pid_t) throws(SandboxError) -> ProcessEnd? {
    while true {
      var status: Int32 = 0
      let pid = try kernel("wait") { waitpid(-1, &status, WNOHANG) }
      if pid == 0 { return nil }
      if pid == command { return ProcessEnd(waitStatus: status) }
    }
  }
}
