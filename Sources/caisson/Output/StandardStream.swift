// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Standard output or standard error.
struct StandardStream: Hashable, Sendable {
  private let number: Int32

  static let output = StandardStream(number: STDOUT_FILENO)
  static let error = StandardStream(number: STDERR_FILENO)

  var isTerminal: Bool { isatty(number) == 1 }

  var terminalSize: (columns: Int, rows: Int)? { LinuxSystem.terminalSize(of: number) }

  /// Writes everything, also to a pipe that somebody made non-blocking.
  func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(number, rest.baseAddress, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        continue
      }
      let errno = Errno.current
      if errno == .wouldBlock {
        var request = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, -1)
      } else if errno != .interrupted {
        throw SystemError("write", nil, errno)
      }
    }
  }

  func write(_ bytes: [UInt8]) throws(SystemError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(SystemError) in
      try write(UnsafeRawBufferPointer(buffer))
    }
  }

  /// For messages: where nobody reads them any more, the build goes on.
  func show(_ text: String) { try? write(Array(text.utf8)) }
}
