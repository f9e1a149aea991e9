// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// The tar stream of a layer blob, whatever it is compressed with; decompressed on one thread and
/// hashed on a second, since the hash can take as long as everything else together.
package struct LayerContent: ByteSource, ~Copyable {
  private typealias Decompressed = ReadAheadSource<DecompressingSource<FileSource>>

  private var hashed: ReadAheadSource<HashingSource<Decompressed>>
  private let diffID: Digest

  /// - Parameters:
  ///   - blob: From where it stands.
  ///   - diffID: What the whole stream must hash to.
  package init(blob: consuming FileDescriptor, diffID: Digest) {
    self.diffID = diffID
    hashed = Self.hashed(FileSource(blob), diffID.algorithm)
  }

  private static func hashed(
    _ file: consuming sending FileSource, _ algorithm: Digest.Algorithm
  ) -> ReadAheadSource<HashingSource<Decompressed>> {
    let decompressed = ReadAheadSource(DecompressingSource(file))
    return ReadAheadSource(HashingSource(decompressed, algorithm: algorithm))
  }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try hashed.read(into: buffer)
  }

  /// Reads what is left and compares the whole with the diff ID. Call it once.
  ///
  /// - Throws: ``LayerError/diffIDMismatch(expected:actual:)`` among others.
  package mutating func check() throws { try hashed.check(diffID) }
}
