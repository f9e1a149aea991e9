// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI
import VirtualRoot

/// The parent of every process of a virtual sandbox: it starts the command, and reaps.
///
/// The supervisor traces processes now and then; as their parent too it would be told of their stops
/// wherever it waits. This process outlives the supervisor, and then ends the sandbox.
struct VirtualInit {
  let description: VirtualDescription
  let root: LiveRoot
  let limit: rlimit
  /// Where the command's process sends its listener.
  let socket: Int32
  /// Where the supervisor reads how it went.
  let report: Int32

  /// Sent by the kernel when the supervisor dies.
  private static let orphaned = SIGHUP

  static var signals: sigset_t {
    var signals = CommandProcess.signals
    sigaddset(&signals, orphaned)
    return signals
  }

  func run(below supervisor: pid_t) -> Never {
    let report: SandboxReport
    do throws(SandboxError) {
      try setUpProcess(below: supervisor)
      report = .ended(try runCommand())
    } catch {
      report = .failed(error)
    }
    root.killProcesses()
    let file = FileDescriptor(owning: self.report)
    if let text = try? encodeJSON(report) { try? file.writeAll(text) }
    _exit(0)
  }

  private func setUpProcess(below supervisor: pid_t) throws(SandboxError) {
    close(SupervisorLine.number)
    try kernel("prctl") { caisson_prctl(PR_SET_PDEATHSIG, UInt(Self.orphaned), 0, 0, 0) }
    if getppid() != supervisor { _exit(1) }
    try kernel("prctl") { caisson_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
    // Keys of the host's session are not the command's business; a kernel without keyrings is fine.
    _ = caisson_new_session_keyring()
  }

  private func runCommand() throws(SandboxError) -> ProcessEnd {
    let command = try CommandProcess { () throws(SandboxError) in try becomeCommand() }
    close(socket)
    return try command.waitForEnd(Self.signals) { _ in
      root.killProcesses()
      _exit(1)
    }
  }

  /// - Returns: Why the command could not be executed.
  private func becomeCommand() throws(SandboxError) -> SandboxError {
    close(report)
    try leaveParent()
    try kernel("prctl") { caisson_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0) }
    var limit = limit
    try kernel("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    for limit in description.command.limits { try limit.apply() }
    try translating { () throws(SystemError) in try root.confine(sendingListenerTo: socket) }
    // From here on the supervisor answers.
    close(socket)
    let error = description.command.execute()
    // No program and no mode gives this: the kernel keeps the supervisor from helping.
    guard case .commandNotExecutable(let name, errno: EPERM) = error else { return error }
    return .virtualRefused(operation: "start under ptrace", path: name, errno: EPERM)
  }
}
