// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// Writes one blob into a ``ContentStore``, hashing on the way.
///
/// Nothing is visible in the store before ``commit(expecting:)``; a writer that is dropped leaves
/// nothing behind. A writer may travel between threads, but one call follows the other.
package final class BlobWriter: @unchecked Sendable {
  private let store: ContentStore
  private let temporary: PathBytes
  private let algorithm: Digest.Algorithm
  private let file: FileDescriptor
  private var hasher: DigestHasher
  private var isCommitted = false
  private let expectedSize: Int64?
  /// How far the kernel was told to write to the disk.
  private var startedSize: Int64 = 0

  init(store: ContentStore, algorithm: Digest.Algorithm, expectedSize: Int64? = nil) throws {
    self.expectedSize = expectedSize
    self.store = store
    self.temporary = store.temporaryPath()
    self.algorithm = algorithm
    self.file = try FileDescriptor.open(
      temporary, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o644)
    self.hasher = DigestHasher(algorithm)
  }

  deinit {
    if !isCommitted { try? removeFile(temporary) }
  }

  /// - Throws: ``ContentError/sizeMismatch(expected:actual:)`` as soon as there is more than was
  ///   said, so that an endless stream does not fill the disk.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let expectedSize, hasher.sizeInBytes + Int64(bytes.count) > expectedSize {
      throw ContentError.sizeMismatch(
        expected: expectedSize, actual: hasher.sizeInBytes + Int64(bytes.count))
    }
    hasher.update(bytes)
    try file.writeAll(bytes)
    if hasher.sizeInBytes - startedSize >= Self.stepInBytes {
      file.startSynchronizing(startedSize..<hasher.sizeInBytes)
      startedSize = hasher.sizeInBytes
    }
  }

  /// The disk works while the rest of the blob is made, and ``commit(expecting:)`` waits less.
  private static let stepInBytes: Int64 = 8 << 20

  package var sizeInBytes: Int64 { hasher.sizeInBytes }

  /// Starts over, for a transfer that has to be repeated from the beginning.
  package func restart() throws {
    let number = file.number
    try retrying("ftruncate") { ftruncate(number, 0) }
    try file.seek(to: 0)
    hasher = DigestHasher(algorithm)
    startedSize = 0
  }

  /// Makes the blob visible.
  ///
  /// - Throws: ``ContentError`` when it is not what `expected` says; the store is then unchanged.
  @discardableResult
  package func commit(expecting expected: Descriptor? = nil, digest wanted: Digest? = nil) throws
    -> (digest: Digest, sizeInBytes: Int64)
  {
    let size = hasher.sizeInBytes
    let digest = hasher.finish()
    if let wanted, wanted != digest {
      throw ContentError.digestMismatch(expected: wanted, actual: digest)
    }
    if let expected {
      guard expected.size == size else {
        throw ContentError.sizeMismatch(expected: expected.size, actual: size)
      }
      guard expected.digest == digest else {
        throw ContentError.digestMismatch(expected: expected.digest, actual: digest)
      }
    }
    try file.synchronize()
    try rename(temporary, to: store.path(of: digest))
    isCommitted = true
    return (digest, size)
  }
}

/// A writer at the end of a pipeline of sinks.
package struct BlobSink: ByteSink {
  package let writer: BlobWriter

  package init(_ writer: BlobWriter) { self.writer = writer }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws { try writer.write(bytes) }
}
