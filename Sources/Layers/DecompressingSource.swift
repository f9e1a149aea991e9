// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// A layer blob's content, whatever it is compressed with: gzip, zstd, bzip2, xz or nothing.
///
/// The kind is told by the first bytes, since media types lie. Several gzip members or zstd frames
/// one behind the other are one stream.
package struct DecompressingSource<Input: ByteSource & ~Copyable>: ByteSource, ~Copyable {
  private enum Decoder {
    case plain
    case gzip(GzipDecoder)
    case zstd(ZstdDecoder)
    case xz(XZDecoder)
    case bzip2(Bzip2Decoder)
  }

  private var input: Input
  private let buffer = PieceBuffer(capacity: 256 << 10)
  private var available: Range<Int> = 0..<0
  private var isAtEnd = false
  /// Absent until the first bytes were seen.
  private var decoder: Decoder?

  package init(_ input: consuming Input) { self.input = input }

  package mutating func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let decoder = try self.decoder ?? recognise()
    self.decoder = decoder
    while true {
      if available.isEmpty && !isAtEnd { try refill() }
      let piece = buffer.bytes(available)
      let (consumed, produced) = try decode(piece, into: output, with: decoder)
      available = (available.lowerBound + consumed)..<available.upperBound
      if produced > 0 { return produced }
      if isAtEnd && consumed == 0 {
        try checkEnd(of: decoder)
        return 0
      }
    }
  }

  private mutating func refill() throws {
    let count = try input.read(into: buffer.whole)
    available = 0..<count
    isAtEnd = count == 0
  }

  private mutating func recognise() throws -> Decoder {
    while available.count < 6 && !isAtEnd {
      let more = try input.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer.whole[available.count...]))
      available = 0..<(available.count + more)
      isAtEnd = more == 0
    }
    let head = [UInt8](buffer.bytes(available).prefix(6))
    if head.starts(with: [0x1F, 0x8B]) { return .gzip(GzipDecoder()) }
    if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return .zstd(try ZstdDecoder()) }
    if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
      return .xz(XZDecoder())
    }
    if Self.isBzip2(head) { return .bzip2(Bzip2Decoder()) }
    return .plain
  }

  /// A block size, then the first digits of pi, or of its square root where there is no block: three
  /// letters alone could be a file's name in a tar archive.
  private static func isBzip2(_ head: [UInt8]) -> Bool {
    guard head.count == 6, head.starts(with: Array("BZh".utf8)) else { return false }
    let magic = head[4...]
    return (0x31...0x39).contains(head[3]) && (magic == [0x31, 0x41] || magic == [0x17, 0x72])
  }

  private func decode(
    _ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
    with decoder: Decoder
  ) throws -> (consumed: Int, produced: Int) {
    switch decoder {
    case .gzip(let gzip): return try gzip.decode(piece, into: output)
    case .zstd(let zstd): return try zstd.decode(piece, into: output)
    case .xz(let xz): return try xz.decode(piece, into: output)
    case .bzip2(let bzip2): return try bzip2.decode(piece, into: output)
    case .plain:
      let count = min(piece.count, output.count)
      output.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[..<count]))
      return (count, count)
    }
  }

  private func checkEnd(of decoder: Decoder) throws {
    let isMidStream =
      switch decoder {
      case .plain: false
      case .gzip(let gzip): gzip.isMidStream
      case .zstd(let zstd): zstd.isMidStream
      case .xz(let xz): xz.isMidStream
      case .bzip2(let bzip2): bzip2.isMidStream
      }
    if isMidStream { throw LayerError.malformedCompression("it ends too early") }
  }
}
