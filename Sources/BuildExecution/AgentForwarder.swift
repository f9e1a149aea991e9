// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A socket of ours that stands for an SSH agent's: it has the owner and mode that a command is to see,
/// whoever owns the agent's.
final class AgentForwarder: Sendable {
  /// Of the socket.
  let path: PathBytes
  private let listener: Int32

  /// - Parameters:
  ///   - agent: The agent's socket.
  ///   - directory: Exists; the socket is made in it.
  init(to agent: PathBytes, in directory: PathBytes) throws {
    path = directory.appending("agent")
    // An address has room for a hundred bytes only.
    let place = try FileDescriptor.open(directory, flags: O_PATH | O_DIRECTORY)
    let address = PathBytes("/proc/self/fd/\(place.number)/agent")
    let number = try retrying("bind", path) {
      address.withCString { caisson_unix_socket($0, 1) }
    }
    listener = number
    startThread {
      while true {
        let caller = caisson_accept(number)
        if caller < 0, errno == EINTR || errno == ECONNABORTED { continue }
        guard caller >= 0 else { return }
        Self.connect(caller, to: agent)
      }
    }
  }

  /// No connection is taken any more; those there are end with the command.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func connect(_ caller: Int32, to agent: PathBytes) {
    let other = agent.withCString { caisson_unix_socket($0, 0) }
    guard other >= 0 else {
      close(caller)
      return
    }
    startThread {
      forward(caller, other)
      close(caller)
      close(other)
    }
  }

  /// Until either side ends.
  private static func forward(_ a: Int32, _ b: Int32) {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    var waits = [
      pollfd(fd: a, events: Int16(POLLIN), revents: 0),
      pollfd(fd: b, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      if poll(&waits, 2, -1) < 0 {
        if errno == EINTR { continue }
        return
      }
      for (from, to) in [(0, 1), (1, 0)] where waits[from].revents != 0 {
        let count = recv(waits[from].fd, &buffer, buffer.count, 0)
        guard count > 0, send(waits[to].fd, count, &buffer) else { return }
      }
    }
  }

  private static func send(_ socket: Int32, _ count: Int, _ buffer: inout [UInt8]) -> Bool {
    var sent = 0
    while sent < count {
      let more = buffer.withUnsafeBytes { bytes in
        Glibc.send(
          socket, bytes.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
      }
      if more < 0, errno == EINTR { continue }
      guard more > 0 else { return false }
      sent += more
    }
    return true
  }
}
