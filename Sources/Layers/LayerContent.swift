// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// The tar stream of a layer blob, whatever it is compressed with; decompressed and hashed on a
/// thread of its own, since a hash can take as long as everything else together.
package struct LayerContent: ByteSource, ~Copyable {
  private var ahead: ReadAheadSource<HashingSource<DecompressingSource<FileSource>>>
  private let diffID: Digest

  /// - Parameters:
  ///   - blob: From where it stands.
  ///   - diffID: What the whole stream must hash to.
  package init(blob: consuming FileDescriptor, diffID: Digest) {
    self.diffID = diffID
    ahead = Self.ahead(of: FileSource(blob), diffID)
  }

  private static func ahead(of file: consuming sending FileSource, _ diffID: Digest)
    -> ReadAheadSource<HashingSource<DecompressingSource<FileSource>>>
  {
    ReadAheadSource(HashingSource(DecompressingSource(file), algorithm: diffID.algorithm))
  }

  package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try ahead.read(into: buffer)
  }

  /// Reads what is left and compares the whole with the diff ID. Call it once.
  ///
  /// - Throws: ``LayerError/diffIDMismatch(expected:actual:)`` among others.
  package mutating func check() throws { try ahead.check(diffID) }
}
