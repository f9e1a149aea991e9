// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Layers

@Suite struct GzipSinkTests {
  static let threads = (one: WorkerThreads(count: 1), four: WorkerThreads(count: 4))

  static func compress(_ bytes: [UInt8], on threads: WorkerThreads, pieces: Int) throws -> [UInt8] {
    var sink = try GzipSink(on: threads, then: MemorySink(limit: 64 << 20))
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      try sink.write(Array(bytes[start..<min(start + pieces, bytes.count)]))
    }
    try sink.finish()
    return sink.next.bytes
  }

  static let block = BlockDeflater.blockSize

  @Test(
    arguments: [0, 1, block - 1, block, block + 1, 2 * block, 5 * block + 17], [false, true])
  func `gzip reads what we compressed, equal for any number of threads`(
    _ count: Int, _ isRandom: Bool
  ) throws {
    let bytes = sampleBytes(count, isRandom: isRandom)
    let compressed = try Self.compress(bytes, on: Self.threads.one, pieces: 1 << 20)
    #expect(try Self.compress(bytes, on: Self.threads.four, pieces: 70_001) == compressed)
    #expect(compressed.count < count + count / 1000 + 64)
    let directory = try TemporaryDirectory()
    try write(compressed, to: directory.path.appending("a.gz"))
    try shell("gzip -t a.gz; gzip -dc a.gz > a", in: directory.path)
    #expect(try contents(of: directory.path.appending("a")) == bytes)
    #expect(try drain(DecompressingSource(MemorySource(compressed))) == bytes)
  }

  @Test func `a sink that fails ends the stream`() throws {
    let bytes = sampleBytes(4 << 20, isRandom: true)
    var sink = try GzipSink(on: Self.threads.four, then: MemorySink(limit: 1 << 20))
    #expect(throws: ContentError.tooLarge(limit: 1 << 20)) {
      try sink.write(bytes)
      try sink.finish()
    }
  }
}

@Suite struct DecompressingSourceTests {
  /// What compresses standard input to standard output with `-c`.
  static let programs = ["gzip", "zstd -q --check", "xz", "bzip2"]
  static let sample = sampleBytes(700_000, isRandom: false)

  static func compress(_ bytes: [UInt8], with program: String) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    try write(bytes, to: directory.path.appending("in"))
    try shell("\(program) -c < in > out", in: directory.path)
    return try contents(of: directory.path.appending("out"))
  }

  @Test(arguments: programs, [1, 1000, 700_000])
  func `what other programs compress is read`(_ program: String, _ count: Int) throws {
    let bytes = Array(Self.sample.prefix(count))
    let compressed = try Self.compress(bytes, with: program)
    #expect(try drain(DecompressingSource(MemorySource(compressed))) == bytes)
  }

  @Test(arguments: programs)
  func `a stream of no bytes is read`(_ program: String) throws {
    #expect(try drain(DecompressingSource(MemorySource(Self.compress([], with: program)))) == [])
  }

  @Test(arguments: programs, [1, 7, 4096])
  func `the size of the pieces makes no difference`(_ program: String, _ size: Int) throws {
    let bytes = Array(Self.sample.prefix(20_000))
    let compressed = try Self.compress(bytes, with: program)
    #expect(try drain(DecompressingSource(MemorySource(compressed)), pieces: size) == bytes)
    #expect(try drain(DecompressingSource(TricklingSource(rest: compressed[...]))) == bytes)
  }

  @Test(arguments: programs)
  func `streams one behind the other are one`(_ program: String) throws {
    let (a, b) = (Array(Self.sample.prefix(300_000)), Array(Self.sample.suffix(5)))
    let both = try Self.compress(a, with: program) + Self.compress(b, with: program)
    #expect(try drain(DecompressingSource(MemorySource(both))) == a + b)
  }

  @Test(arguments: ["gzip", "xz", "bzip2"])
  func `zeros behind a stream are padding, other bytes an error`(_ program: String) throws {
    let bytes = Array(Self.sample.prefix(1000))
    let compressed = try Self.compress(bytes, with: program)
    let zeros = [UInt8](repeating: 0, count: 300_000)
    #expect(try drain(DecompressingSource(MemorySource(compressed + zeros))) == bytes)
    #expect(throws: LayerError.self) {
      try drain(DecompressingSource(MemorySource(compressed + Array("garbage".utf8))))
    }
  }

  @Test(arguments: [[], [0x1F], Array("hello".utf8), Array("BZh9 a file in a tar".utf8)])
  func `what is not compressed passes`(_ bytes: [UInt8]) throws {
    #expect(try drain(DecompressingSource(MemorySource(bytes))) == bytes)
  }

  @Test(arguments: programs)
  func `a stream cut anywhere is an error`(_ program: String) throws {
    let compressed = try Self.compress(Array(Self.sample.prefix(50_000)), with: program)
    for missing in [1, 4, 9, 100, compressed.count / 2, compressed.count - 10] {
      #expect(throws: LayerError.self, "\(missing) bytes are missing") {
        try drain(DecompressingSource(MemorySource(compressed.dropLast(missing))))
      }
    }
  }

  @Test(arguments: programs)
  func `a stream with a wrong bit is an error`(_ program: String) throws {
    let compressed = try Self.compress(Self.sample, with: program)
    for place in [compressed.count / 3, compressed.count / 2, compressed.count - 20] {
      var damaged = compressed
      damaged[place] ^= 0x10
      #expect(throws: LayerError.self, "bit in byte \(place)") {
        try drain(DecompressingSource(MemorySource(damaged)))
      }
    }
  }

  @Test func `a gzip member with a wrong checksum is an error`() throws {
    var compressed = try Self.compress(Self.sample, with: "gzip")
    compressed[compressed.count - 8] ^= 1
    #expect(throws: LayerError.self) { try drain(DecompressingSource(MemorySource(compressed))) }
  }

  @Test(arguments: programs)
  func `an error of the input is passed on`(_ program: String) throws {
    let compressed = try Self.compress(Self.sample, with: program)
    #expect(throws: Errno.noSpace) {
      try drain(
        DecompressingSource(FailingSource(rest: MemorySource(Array(compressed.prefix(200))))))
    }
  }

  @Test func `random bytes behind each magic never trap`() throws {
    let heads = try Self.programs.map { Array(try Self.compress(Self.sample, with: $0).prefix(40)) }
    for head in heads {
      for _ in 0..<100 {
        let noise = (0..<600).map { _ in UInt8.random(in: 0...255) }
        let kept = Array(head.prefix(Int.random(in: 6...head.count)))
        _ = try? drain(DecompressingSource(MemorySource(kept + noise)))
      }
    }
  }
}

/// Gives one byte at a time.
private struct TricklingSource: ByteSource {
  var rest: ArraySlice<UInt8>

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let byte = rest.popFirst() else { return 0 }
    buffer[0] = byte
    return 1
  }
}

/// Fails where it should end.
private struct FailingSource: ByteSource {
  var rest: MemorySource

  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try rest.read(into: buffer)
    guard count > 0 else { throw Errno.noSpace }
    return count
  }
}
