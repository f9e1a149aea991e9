// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Gives a stream in pieces, on demand.
package protocol ByteSource: ~Copyable, SendableMetatype {
  /// Fills some of `buffer` and says how much; 0 only at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// A file from where it stands to its end.
package struct FileSource: ByteSource, ~Copyable {
  private let file: FileDescriptor
  private var start: MemorySource?

  /// - Parameter start: What was read of it before, and comes first.
  package init(_ file: consuming FileDescriptor, startingWith start: [UInt8] = []) {
    self.file = file
    self.start = start.isEmpty ? nil : MemorySource(start)
  }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if let count = try start?.read(into: buffer) {
      if count > 0 { return count }
      start = nil
    }
    return try file.read(into: buffer)
  }
}

/// Bytes at hand.
package struct MemorySource: ByteSource {
  private var rest: ArraySlice<UInt8>

  package init(_ bytes: [UInt8]) { rest = bytes[...] }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let piece = rest.prefix(buffer.count)
    buffer.copyBytes(from: piece)
    rest = rest.dropFirst(piece.count)
    return piece.count
  }
}

/// Hashes what passes.
package struct HashingSource<Input: ByteSource & ~Copyable>: ByteSource, ~Copyable {
  private var input: Input
  private var hasher: DigestHasher

  package init(_ input: consuming Input, algorithm: Digest.Algorithm = .sha256) {
    self.input = input
    self.hasher = DigestHasher(algorithm)
  }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = try input.read(into: buffer)
    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return count
  }

  package var sizeInBytes: Int64 { hasher.sizeInBytes }

  /// Reads what is left and gives the digest of all. Call it once.
  package mutating func finishDigest() throws -> Digest {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while try read(into: buffer) > 0 {}
    return hasher.finish()
  }
}
