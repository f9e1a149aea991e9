// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// The process between caisson and process 1 of a sandbox. It has one thread, so what it forks may
/// run any code.
enum SandboxSupervisor {
  /// - Returns: The exit code: 0 whenever a report was written.
  static func run() -> Int32 {
    SupervisorLine.open()
    do {
      try startAndWatch(try SupervisorLine.description(SandboxDescription.self))
      return 0
    } catch {
      return SupervisorLine.write(.failed(error)) ? 0 : 1
    }
  }

  private static func startAndWatch(_ description: SandboxDescription) throws(SandboxError) {
    var signals = CommandProcess.signals
    try kernel("sigprocmask") { sigprocmask(SIG_BLOCK, &signals, nil) }
    // Never closed: it is for process 1, and ends with this process.
    let ourselves = try kernel("pidfd_open") { caisson_pidfd_open(getpid()) }
    try kernel("make a PID namespace") { unshare(CLONE_NEWPID) }
    let pid = try kernel("fork") { fork() }
    if pid == 0 { SandboxInit(description: description).run(below: ourselves) }
    // Everything in its namespace ends with it.
    try SupervisorLine.watch(
      pid, gracePeriodInMilliseconds: description.gracePeriodInMilliseconds)
  }
}
