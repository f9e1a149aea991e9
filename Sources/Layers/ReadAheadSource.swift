// SPDX-License-Identifier: Apache-2.0

import Dispatch
import LinuxSystem
import OCI
import Synchronization

/// Reads its input on a thread of its own, a few buffers ahead, so that making a stream and using
/// it overlap.
///
/// What the input throws is thrown here, behind the bytes before it. Dropped early, the thread ends
/// after the read it is in, and the input with it.
package struct ReadAheadSource<Input: ByteSource & ~Copyable>: ByteSource, ~Copyable {
  private let ring: ReadAheadRing<Input>
  /// Of the buffer that ``number`` says.
  private var available: Range<Int> = 0..<0
  private var number = 0
  private var holdsBuffer = false
  private var isAtEnd = false

  package init(_ input: consuming sending Input) {
    let ring = ReadAheadRing(input)
    self.ring = ring
    startThread { ring.fill() }
  }

  deinit { ring.stop() }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if available.isEmpty { try nextBuffer() }
    let count = min(available.count, buffer.count)
    let end = available.lowerBound + count
    buffer.copyMemory(from: ring.bytes(number, available.lowerBound..<end))
    available = end..<available.upperBound
    return count
  }

  private mutating func nextBuffer() throws {
    if isAtEnd { return try ring.checkFailure() }
    if holdsBuffer {
      ring.giveBack()
      number = ring.following(number)
    }
    available = 0..<ring.waitForBuffer(number)
    holdsBuffer = true
    guard available.isEmpty else { return }
    isAtEnd = true
    try ring.checkFailure()
  }

  /// Reads what is left and compares the whole with `diffID`. Call it once.
  package mutating func check<Content: ByteSource & ~Copyable>(_ diffID: Digest) throws
  where Input == HashingSource<Content> {
    while !isAtEnd {
      available = 0..<0
      try nextBuffer()
    }
    try ring.checkFailure()
    try ring.input.check(diffID)
  }
}

/// The buffers between the thread that fills them, in turn, and the one that empties them.
private final class ReadAheadRing<Input: ByteSource & ~Copyable>: @unchecked Sendable {
  // Unchecked: a buffer is with one side at a time, and the semaphores hand it over; the input
  // and the failure are the filling side's until it has handed over an empty buffer, its last.

  private final class Buffer {
    let bytes = PieceBuffer(capacity: 512 << 10)
    var count = 0
  }

  private let buffers = (0..<4).map { _ in Buffer() }
  private let filled = DispatchSemaphore(value: 0)
  private let empty = DispatchSemaphore(value: 0)
  private let isStopped = Atomic(false)
  private var failure: (any Error)?
  var input: Input

  init(_ input: consuming Input) {
    self.input = input
    for _ in buffers { empty.signal() }
  }

  // The filling side.

  func fill() {
    var number = 0
    while true {
      empty.wait()
      if isStopped.load(ordering: .relaxed) { return }
      let count = fill(buffers[number])
      filled.signal()
      if count == 0 { return }
      number = following(number)
    }
  }

  private func fill(_ buffer: Buffer) -> Int {
    do {
      buffer.count = try input.read(into: buffer.bytes.whole)
    } catch {
      (buffer.count, failure) = (0, error)
    }
    return buffer.count
  }

  // The emptying side.

  func waitForBuffer(_ number: Int) -> Int {
    filled.wait()
    return buffers[number].count
  }

  func bytes(_ number: Int, _ range: Range<Int>) -> UnsafeRawBufferPointer {
    buffers[number].bytes.bytes(range)
  }

  func giveBack() { empty.signal() }

  func checkFailure() throws {
    if let failure { throw failure }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    empty.signal()
  }

  func following(_ number: Int) -> Int { (number + 1) % buffers.count }
}
