// SPDX-License-Identifier: Apache-2.0

import CISAL
import Dispatch
import LinuxSystem

/// One block of a gzip member: its input behind the 32 KiB before it, and its compressed form.
///
/// Blocks of one stream are compressed by any thread in any order; joined in order they are one
/// deflate stream. RFC 1951; igzip's `isal_deflate` with a preset dictionary.
final class BlockDeflater: @unchecked Sendable {
  // Unchecked: a block is with one thread at a time, handed over by a queue.

  /// Fixed, since the output depends on it.
  static let blockSize = 512 << 10
  static let dictionarySize = 32 << 10

  private let stream = UnsafeMutablePointer<isal_zstream>.allocate(capacity: 1)
  private let levelBuffer: UnsafeMutableRawBufferPointer
  private let dictionary = PieceBuffer(capacity: dictionarySize)
  private let input = PieceBuffer(capacity: blockSize)
  // Deflate adds at most five bytes per stored block of 64 KiB, and the flush a few more.
  private let output = PieceBuffer(capacity: blockSize + (blockSize >> 8) + 1024)
  private var dictionaryCount = 0
  private(set) var count = 0
  private var outputCount = 0
  var isLast = false
  private let done = DispatchSemaphore(value: 0)
  private var failure: LayerError?

  init() {
    levelBuffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(ISAL_DEF_LVL1_DEFAULT_SIZE), alignment: 64)
  }

  deinit {
    stream.deallocate()
    levelBuffer.deallocate()
  }

  var isFull: Bool { count == Self.blockSize }
  var bytes: UnsafeRawBufferPointer { input.bytes(0..<count) }
  var compressed: UnsafeRawBufferPointer { output.bytes(0..<outputCount) }

  /// Takes as much as there is room for and says how much.
  func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    let step = min(bytes.count, Self.blockSize - count)
    UnsafeMutableRawBufferPointer(rebasing: input.whole[count..<(count + step)])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<step]))
    count += step
    return step
  }

  /// Makes the block empty, to follow `previous`.
  func start(after previous: BlockDeflater?) {
    (count, outputCount, dictionaryCount, isLast) = (0, 0, 0, false)
    guard let previous else { return }
    dictionaryCount = min(Self.dictionarySize, previous.count)
    let tail = previous.input.bytes((previous.count - dictionaryCount)..<previous.count)
    dictionary.whole.copyMemory(from: tail)
  }

  /// Has a thread compress the block; nobody touches it before ``wait()`` returns.
  func start(on threads: WorkerThreads) {
    threads.start { [self] in
      let status = compress()
      failure = status == COMP_OK ? nil : .compressionFailed(status: status)
      done.signal()
    }
  }

  /// Blocks until the block is compressed. Call it once for each ``start(on:)``.
  func wait() throws(LayerError) {
    done.wait()
    if let failure { throw failure }
  }

  /// - Returns: A status of igzip_lib.h.
  private func compress() -> Int32 {
    isal_deflate_init(stream)
    stream.pointee.level = 1
    stream.pointee.level_buf = levelBuffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.level_buf_size = UInt32(levelBuffer.count)
    stream.pointee.gzip_flag = UInt16(IGZIP_DEFLATE)
    stream.pointee.flush = UInt16(isLast ? NO_FLUSH : SYNC_FLUSH)
    stream.pointee.end_of_stream = isLast ? 1 : 0
    if dictionaryCount > 0 {
      let status = isal_deflate_set_dict(
        stream, dictionary.whole.baseAddress?.assumingMemoryBound(to: UInt8.self),
        UInt32(dictionaryCount))
      guard status == COMP_OK else { return status }
    }
    stream.pointee.next_in = input.whole.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
    stream.pointee.next_out = output.whole.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(output.whole.count)
    let status = isal_deflate(stream)
    guard status == COMP_OK else { return status }
    outputCount = Int(stream.pointee.total_out)
    let isComplete = stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0
    return isComplete ? COMP_OK : STATELESS_OVERFLOW
  }
}
