// SPDX-License-Identifier: Apache-2.0

/// Takes a stream in pieces. Sinks compose: each hands what it made to the next.
package protocol ByteSink: ~Copyable {
  /// The bytes are only valid during the call.
  mutating func write(_ bytes: UnsafeRawBufferPointer) throws
}

extension ByteSink where Self: ~Copyable {
  package mutating func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }
}

/// The stream's digest and size, and the stream itself to the next sink.
package struct HashingSink<Next: ByteSink & ~Copyable>: ByteSink, ~Copyable {
  private var hasher: DigestHasher
  package var next: Next

  package init(_ algorithm: Digest.Algorithm = .sha256, then next: consuming Next) {
    self.hasher = DigestHasher(algorithm)
    self.next = next
  }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    hasher.update(bytes)
    try next.write(bytes)
  }

  package var sizeInBytes: Int64 { hasher.sizeInBytes }

  /// Call it once, after the last piece.
  package mutating func finishDigest() -> Digest { hasher.finish() }
}

/// Drops everything.
package struct NullSink: ByteSink {
  package init() {}
  package mutating func write(_ bytes: UnsafeRawBufferPointer) {}
}

/// Keeps everything, up to a limit.
package struct MemorySink: ByteSink {
  package private(set) var bytes: [UInt8] = []
  private let limit: Int

  package init(limit: Int) { self.limit = limit }

  package mutating func write(_ piece: UnsafeRawBufferPointer) throws {
    guard bytes.count + piece.count <= limit else { throw ContentError.tooLarge(limit: limit) }
    bytes.append(contentsOf: piece)
  }
}

/// Content that is not what it was said to be.
package enum ContentError: Error, Hashable, Sendable {
  case digestMismatch(expected: Digest, actual: Digest)
  case sizeMismatch(expected: Int64, actual: Int64)
  case tooLarge(limit: Int)
  case malformed(String)
}
