// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// The tar stream of a layer blob, whatever it is compressed with; decompressed and hashed on a
/// thread of its own, since that can take longer than all that is done with it.
package struct LayerContent: ByteSource, ~Copyable {
  // One thread, not one for each: on two virtual processors that took 1.4 times the CPU (COPY of one
  // file on a base of 170 MB), and the whole was no faster.
  private var hashed: ReadAheadSource<HashingSource<DecompressingSource<FileSource>>>
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
  ) -> ReadAheadSource<HashingSource<DecompressingSource<FileSource>>> {
    ReadAheadSource(HashingSource(DecompressingSource(file), algorithm: algorithm))
  }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try hashed.read(into: buffer)
  }

  /// Reads what is left and compares the whole with the diff ID. Call it once.
  ///
  /// - Throws: ``LayerError/diffIDMismatch(expected:actual:)`` among others.
  package mutating func check() throws { try hashed.check(diffID) }
}
