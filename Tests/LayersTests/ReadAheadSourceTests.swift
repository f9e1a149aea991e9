// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import LinuxSystem
import OCI
import Testing

@testable import Layers

@Suite struct ReadAheadSourceTests {
  /// Gives `count` bytes, a piece at a time, then ends or fails; tells when it is gone.
  private struct Counting: ByteSource, ~Copyable {
    enum Failure: Error { case broken }

    var left: Int
    var piece = 100_003
    var fails = false
    let gone = DispatchSemaphore(value: 0)

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
      if left == 0 && fails { throw Failure.broken }
      let count = min(left, piece, buffer.count)
      for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: left - index) }
      left -= count
      return count
    }

    deinit { gone.signal() }
  }

  private static func expected(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: count - $0) }
  }

  @Test(arguments: [0, 1, 100_003, 100_004, 5_000_000], [1 << 20, 4096])
  func `every byte comes through in order`(_ count: Int, _ piece: Int) throws {
    let source = ReadAheadSource(Counting(left: count))
    #expect(try drain(source, pieces: piece) == Self.expected(count))
  }

  @Test func `the end stays the end`() throws {
    var source = ReadAheadSource(Counting(left: 10))
    let buffer = PieceBuffer(capacity: 100)
    #expect(try source.read(into: buffer.whole) == 10)
    for _ in 0..<3 { #expect(try source.read(into: buffer.whole) == 0) }
  }

  @Test func `an error comes behind the bytes before it, and again`() throws {
    var source = ReadAheadSource(Counting(left: 3_000_000, fails: true))
    let buffer = PieceBuffer(capacity: 1 << 20)
    var count = 0
    #expect(throws: Counting.Failure.broken) {
      while case let got = try source.read(into: buffer.whole), got > 0 { count += got }
    }
    #expect(count == 3_000_000)
    #expect(throws: Counting.Failure.broken) { try source.read(into: buffer.whole) }
  }

  @Test(arguments: [0, 1, 2_000_000])
  func `dropped early, it ends its thread and its input`(_ count: Int) throws {
    let input = Counting(left: .max)
    let gone = input.gone
    do {
      var source = ReadAheadSource(input)
      let buffer = PieceBuffer(capacity: 1 << 20)
      var read = 0
      while read < count { read += try source.read(into: buffer.whole) }
    }
    #expect(gone.wait(timeout: .now() + 60) == .success)
  }

  @Test func `the digest is of the whole, however much was read`() throws {
    let digest = Digest.of(Self.expected(3_000_000))
    let buffer = PieceBuffer(capacity: 1000)
    for reads in [0, 1, 3001] {
      var source = ReadAheadSource(HashingSource(Counting(left: 3_000_000)))
      for _ in 0..<reads { _ = try source.read(into: buffer.whole) }
      try source.check(digest)
    }
    var source = ReadAheadSource(HashingSource(Counting(left: 2_999_999)))
    #expect(throws: LayerError.self) { try source.check(digest) }
  }

  @Test func `a broken input is no digest`() throws {
    var source = ReadAheadSource(HashingSource(Counting(left: 1000, fails: true)))
    #expect(throws: Counting.Failure.broken) {
      try source.check(Digest.of(Self.expected(1000)))
    }
  }
}
