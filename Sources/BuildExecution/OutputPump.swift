// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import LinuxSystem

/// A pipe whose far end a command writes to; what arrives is handed on by a thread.
final class OutputPump: Sendable {
  /// For the command.
  let input: Int32
  private let done = DispatchSemaphore(value: 0)

  /// - Parameter take: Called on the pump's thread, with at most 64 KiB.
  init(_ take: @escaping @Sendable ([UInt8]) -> Void) throws {
    var ends: [Int32] = [-1, -1]
    try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
    input = ends[1]
    let output = FileDescriptor(owning: ends[0]).release()
    startThread { [done] in
      let file = FileDescriptor(owning: output)
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
        take(Array(buffer[..<count]))
      }
      done.signal()
    }
  }

  /// Closes this process's end and waits until all that was written has been handed on.
  func finish() {
    close(input)
    done.wait()
  }
}
