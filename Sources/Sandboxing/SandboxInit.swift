// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// Process 1 of a sandbox: it mounts everything, starts the command, and reaps. Its end is the end of
/// every process in its namespace.
struct SandboxInit {
  let description: SandboxDescription

  /// - Parameter supervisor: A descriptor of the parent process (`pidfd_open`).
  func run(below supervisor: Int32) -> Never {
    do throws(SandboxError) {
      try tieToLife(of: supervisor)
      try setUp()
      let end = try description.command.map { (command) throws(SandboxError) in
        try run(command)
      }
      SupervisorLine.write(.ended(end ?? .exited(0)))
    } catch {
      SupervisorLine.write(.failed(error))
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
    if description.command?.network == SandboxNetwork.none {
      try kernel("make a network namespace") { unshare(CLONE_NEWNET) }
      try kernel("start the loopback interface") { caisson_start_loopback() }
    }
    let hostname = description.command?.hostname ?? SandboxDescription.ownHostname
    let length = hostname.utf8.count
    try kernel("sethostname") { sethostname(hostname, length) }
    // Keys of the host's session are not the command's business; a kernel without keyrings is fine.
    _ = caisson_new_session_keyring()
    let root = try RootMount(description).mount()
    if case .script(let text)? = description.command?.program {
      try Script.write(text, in: root)
    }
    try enter(root)
    close_range(UInt32(SupervisorLine.number) + 1, UInt32.max, 0)
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

  private func run(_ command: SandboxedCommand) throws(SandboxError) -> ProcessEnd {
    let start = CommandStart(command: command)
    return try CommandProcess { () throws(SandboxError) in try start.run() }.waitForEnd()
  }
}
