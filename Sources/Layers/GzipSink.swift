// SPDX-License-Identifier: Apache-2.0

import CISAL
import LinuxSystem
import OCI

/// Compresses a stream as one gzip member, block by block on several threads.
///
/// The bytes depend on the input alone, not on the number of threads. Memory: about 1.1 MiB for
/// each of `2 × threads + 1` blocks. RFC 1952.
package struct GzipSink<Next: ByteSink & ~Copyable>: ByteSink, ~Copyable {
  package var next: Next
  private let threads: WorkerThreads
  private var current: BlockDeflater
  /// Handed to the threads, oldest first.
  private var pending: [BlockDeflater] = []
  private var idle: [BlockDeflater]
  private var checksum: UInt32 = 0
  private var sizeInBytes: UInt64 = 0

  /// - Parameter threads: Only for compression: `write` waits for them.
  package init(on threads: WorkerThreads, then next: consuming Next) throws {
    self.next = next
    self.threads = threads
    idle = (0..<(2 * threads.count)).map { _ in BlockDeflater() }
    current = BlockDeflater()
    current.start(after: nil)
    // No name, no time, "unknown" operating system: nothing that varies.
    try self.next.write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])
  }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    checksum = crc32_gzip_refl(
      checksum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    sizeInBytes += UInt64(bytes.count)
    var rest = bytes
    while !rest.isEmpty {
      // A full block goes only when more follows, so that the last one is known as the last.
      if current.isFull { try startBlock() }
      let taken = current.append(rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
  }

  /// Ends the member. Call it once.
  package mutating func finish() throws {
    current.isLast = true
    handOver()
    while !pending.isEmpty { try writeOldest() }
    var trailer: [UInt8] = []
    for shift in stride(from: 0, to: 32, by: 8) {
      trailer.append(UInt8(truncatingIfNeeded: checksum >> UInt32(shift)))
    }
    for shift in stride(from: 0, to: 32, by: 8) {
      trailer.append(UInt8(truncatingIfNeeded: sizeInBytes >> UInt64(shift)))
    }
    try next.write(trailer)
  }

  private mutating func startBlock() throws {
    while idle.isEmpty { try writeOldest() }
    let following = idle.removeLast()
    following.start(after: current)
    handOver()
    current = following
  }

  private mutating func handOver() {
    current.start(on: threads)
    pending.append(current)
  }

  private mutating func writeOldest() throws {
    let block = pending.removeFirst()
    try block.wait()
    try next.write(block.compressed)
    idle.append(block)
  }
}
