// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// The process between caisson and process 1 of a sandbox. It has one thread, so what it forks may
/// run any code.
enum SandboxSupervisor {
  static let descriptionNumber: Int32 = 3
  static let lineNumber: Int32 = 4
  static let terminate = UInt8(ascii: "T")

  /// - Returns: The exit code: 0 whenever a report was written.
  static func run() -> Int32 {
    close_range(UInt32(lineNumber) + 1, UInt32.max, 0)
    for number in [descriptionNumber, lineNumber] { caisson_fcntl_int(number, F_SETFD, FD_CLOEXEC) }
    // What runs in the sandbox may not look into this program, nor write to it (CVE-2019-5736).
    caisson_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    do {
      try startAndWatch(try description())
      return 0
    } catch {
      return write(.failed(error)) ? 0 : 1
    }
  }

  /// Sends the report; only one process of the sandbox does.
  @discardableResult
  static func write(_ report: SandboxReport) -> Bool {
    guard let text = try? encodeJSON(report) else { return false }
    let line = FileDescriptor(owning: lineNumber)
    return (try? line.writeAll(text)) != nil
  }

  private static func description() throws(SandboxError) -> SandboxDescription {
    let file = FileDescriptor(owning: descriptionNumber)
    do {
      return try decodeJSON(
        SandboxDescription.self, from: try contents(of: file, limit: SandboxDescription.limit))
    } catch {
      throw SandboxError.invalidCommand(reason: "the sandbox's description could not be read")
    }
  }

  private static func startAndWatch(_ description: SandboxDescription) throws(SandboxError) {
    try blockSignals()
    // Never closed: it is for process 1, and ends with this process.
    let ourselves = try kernel("pidfd_open") { caisson_pidfd_open(getpid()) }
    try kernel("make a PID namespace") { unshare(CLONE_NEWPID) }
    let pid = try kernel("fork") { fork() }
    if pid == 0 { SandboxInit(description: description).run(below: ourselves) }
    try watch(pid, gracePeriodInMilliseconds: description.gracePeriodInMilliseconds)
  }

  /// Process 1 waits for these; blocked before it exists, none is lost.
  private static func blockSignals() throws(SandboxError) {
    var signals = SandboxInit.signals
    try kernel("sigprocmask") { sigprocmask(SIG_BLOCK, &signals, nil) }
  }

  /// Returns when process 1, and so everything in its namespace, has ended.
  private static func watch(_ pid: pid_t, gracePeriodInMilliseconds: Int32) throws(SandboxError) {
    let process = FileDescriptor(owning: try kernel("pidfd_open") { caisson_pidfd_open(pid) })
    var isTerminating = false
    while true {
      var waited = [
        pollfd(fd: process.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isTerminating ? -1 : lineNumber, events: Int16(POLLIN), revents: 0),
      ]
      let timeout = isTerminating ? gracePeriodInMilliseconds : -1
      let count = try kernel("poll") { poll(&waited, 2, timeout) }
      if waited[0].revents != 0 { break }
      if count == 0 {
        kill(pid, SIGKILL)
        break
      }
      var word: UInt8 = 0
      if read(lineNumber, &word, 1) == 1, word == terminate {
        isTerminating = true
        kill(pid, SIGTERM)
      } else {
        kill(pid, SIGKILL)
        break
      }
    }
    let end = try waitForEnd(of: pid)
    // Then it wrote no report: it was killed, by us or for want of memory.
    if end != .exited(0) { throw SandboxError.supervisorDied(status: end.status) }
  }
}
