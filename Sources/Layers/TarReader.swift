// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Reads the entries of a tar archive (ustar, pax, GNU) as a stream.
///
/// Names are checked: no entry and no hard link leaves the root. What the format allows but a layer
/// cannot mean is ``LayerError/malformedArchive(_:offset:)``.
package struct TarReader<Input: ByteSource & ~Copyable>: ~Copyable {
  /// In bytes: names, links and attributes of one entry may not be larger together.
  private static var largestExtension: Int64 { 1 << 20 }

  package var input: Input
  private let buffer: PieceBuffer
  private var available: Range<Int> = 0..<0
  /// Of the uncompressed stream.
  private var offset: Int64 = 0
  private var remaining: Int64 = 0
  private var padding: Int64 = 0
  /// Of the extended headers of the entry in progress.
  private var extensionSize: Int64 = 0

  package init(_ input: consuming Input) {
    self.input = input
    self.buffer = PieceBuffer(capacity: 1 << 20)
  }

  /// The next entry; what was not read of the one before is skipped. Nil at the end.
  ///
  /// - Parameter hasContent: False for an archive of headers only (a kept index).
  package mutating func next(hasContent: Bool = true) throws -> LayerEntry? {
    try skip(remaining + padding)
    (remaining, padding) = (0, 0)
    var extensions = TarExtensions()
    extensionSize = 0
    while true {
      guard let block = try readBlock() else {
        guard extensionSize == 0 else { throw LayerError.truncatedArchive(offset: offset) }
        return nil
      }
      let header = try TarHeaderBlock(block, at: offset - Int64(TarHeader.blockSize))
      switch header.type {
      case TarHeader.TypeFlag.pax:
        try extensions.apply(pax: try readExtension(header.size), at: offset)
      case TarHeader.TypeFlag.paxGlobal:
        // As the runtimes do: what holds for all entries is left out of account.
        let before = extensionSize
        _ = try readExtension(header.size)
        extensionSize = before
      case TarHeader.TypeFlag.gnuLongName:
        extensions.path = Self.untilNUL(try readExtension(header.size))
      case TarHeader.TypeFlag.gnuLongLink:
        extensions.link = Self.untilNUL(try readExtension(header.size))
      default:
        let entry = try header.entry(with: extensions, at: offset)
        if hasContent {
          // Only regular files have content, whatever the size field of others says.
          remaining = entry.kind == .regular ? entry.sizeInBytes : 0
          padding = TarHeader.paddedSize(remaining) - remaining
        }
        return entry
      }
    }
  }

  /// Reads what is behind the end of the archive, so that checksums of its compression are checked.
  package mutating func finish() throws {
    while try input.read(into: buffer.whole) > 0 { try Task.checkCancellation() }
  }

  /// Hands the current entry's content to `body` in pieces.
  package mutating func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    while remaining > 0 {
      if available.isEmpty { try refill() }
      let count = Int(min(Int64(available.count), remaining))
      try body(buffer.bytes(available.lowerBound..<(available.lowerBound + count)))
      consume(count)
      remaining -= Int64(count)
    }
  }

  private mutating func consume(_ count: Int) {
    available = (available.lowerBound + count)..<available.upperBound
    offset += Int64(count)
  }

  private mutating func refill() throws {
    let count = try input.read(into: buffer.whole)
    guard count > 0 else { throw LayerError.truncatedArchive(offset: offset) }
    available = 0..<count
  }

  private mutating func skip(_ count: Int64) throws {
    var left = count
    while left > 0 {
      if available.isEmpty { try refill() }
      let step = Int(min(Int64(available.count), left))
      consume(step)
      left -= Int64(step)
    }
  }

  private mutating func readExact(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      if available.isEmpty { try refill() }
      let step = min(available.count, count - bytes.count)
      bytes.append(
        contentsOf: buffer.bytes(available.lowerBound..<(available.lowerBound + step)))
      consume(step)
    }
    return bytes
  }

  /// The next header block; nil at the archive's end, which may also be the stream's.
  private mutating func readBlock() throws -> [UInt8]? {
    if available.isEmpty {
      let count = try input.read(into: buffer.whole)
      if count == 0 { return nil }
      available = 0..<count
    }
    let block = try readExact(TarHeader.blockSize)
    return block.allSatisfy { $0 == 0 } ? nil : block
  }

  private mutating func readExtension(_ size: Int64) throws -> [UInt8] {
    extensionSize += min(size, Self.largestExtension) + 1
    guard size <= Self.largestExtension, extensionSize <= Self.largestExtension else {
      throw LayerError.malformedArchive("an extended header of \(size) bytes", offset: offset)
    }
    let bytes = try readExact(Int(size))
    try skip(TarHeader.paddedSize(size) - size)
    return bytes
  }

  private static func untilNUL(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix { $0 != 0 }) }
}
