// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// A supervisor's side of what connects it with the process that asked for a sandbox: the description
/// comes in, the report goes out, and an end of the line means that the other process is gone.
enum SupervisorLine {
  static let descriptionNumber: Int32 = 3
  static let number: Int32 = 4
  static let terminate = UInt8(ascii: "T")

  /// Keeps nothing else that was inherited.
  static func open() {
    close_range(UInt32(number) + 1, UInt32.max, 0)
    for number in [descriptionNumber, number] { caisson_fcntl_int(number, F_SETFD, FD_CLOEXEC) }
    // What runs in the sandbox may not look into this program, nor write to it (CVE-2019-5736).
    caisson_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
  }

  /// The largest description that is read, in bytes; arguments and environment end far below it.
  private static let limit = 64 << 20

  static func description<Description: Decodable>(_ type: Description.Type) throws(SandboxError)
    -> Description
  {
    let file = FileDescriptor(owning: descriptionNumber)
    do {
      return try decodeJSON(type, from: try contents(of: file, limit: limit))
    } catch {
      throw SandboxError.invalidCommand(reason: "the sandbox's description could not be read")
    }
  }

  /// Sends the report; only one process of the sandbox does.
  @discardableResult
  static func write(_ report: SandboxReport) -> Bool {
    guard let text = try? encodeJSON(report) else { return false }
    let line = FileDescriptor(owning: number)
    return (try? line.writeAll(text)) != nil
  }

  /// Returns when process `pid`, which reaps the sandbox, has ended; passes the wish on that the
  /// command end, and kills `pid` when that takes too long or nobody is left to ask for it.
  static func watch(_ pid: pid_t, gracePeriodInMilliseconds: Int32) throws(SandboxError) {
    let process = FileDescriptor(owning: try kernel("pidfd_open") { caisson_pidfd_open(pid) })
    var isTerminating = false
    while true {
      var waited = [
        pollfd(fd: process.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isTerminating ? -1 : number, events: Int16(POLLIN), revents: 0),
      ]
      let timeout = isTerminating ? gracePeriodInMilliseconds : -1
      let count = try kernel("poll") { poll(&waited, 2, timeout) }
      if waited[0].revents != 0 { break }
      if count == 0 {
        kill(pid, SIGKILL)
        break
      }
      var word: UInt8 = 0
      if read(number, &word, 1) == 1, word == terminate {
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
