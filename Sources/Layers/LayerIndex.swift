// SPDX-License-Identifier: Apache-2.0

import CISAL
import LinuxSystem
import OCI

/// The entries of one layer in their order, kept beside the layer so that it need not be read again.
///
/// On disk it is the layer's own tar archive without the files' content, and a checksum, since it is
/// written without fsync: what cannot be read is made again.
package enum LayerIndex {
  /// Reads the entries out of a layer blob, whatever it is compressed with.
  ///
  /// - Parameter diffID: What the whole stream must hash to.
  /// - Throws: ``LayerError/diffIDMismatch(expected:actual:)`` among others.
  package static func read(blob: consuming FileDescriptor, diffID: Digest) throws -> [LayerEntry] {
    var reader = TarReader(LayerContent(blob: blob, diffID: diffID))
    var entries: [LayerEntry] = []
    while let entry = try reader.next() {
      entries.append(entry)
      try Task.checkCancellation()
    }
    try reader.input.check()
    return entries
  }

  package static func encode(_ entries: [LayerEntry]) throws -> [UInt8] {
    var tar = TarWriter(to: MemorySink(limit: largestSizeInBytes))
    for entry in entries { try tar.begin(entry, hasContent: false) }
    try tar.finish()
    return tar.output.bytes + checksum(of: tar.output.bytes[...])
  }

  /// - Throws: ``LayerError/malformedArchive(_:offset:)`` for a file that was not written to its
  ///   end, among others.
  package static func decode(file: consuming FileDescriptor) throws -> [LayerEntry] {
    let bytes = try contents(of: file, limit: largestSizeInBytes)
    let tar = bytes.dropLast(checksumSize)
    guard !tar.isEmpty, checksum(of: tar).elementsEqual(bytes[tar.endIndex...]) else {
      throw LayerError.malformedArchive("an index with a wrong checksum", offset: 0)
    }
    var reader = TarReader(MemorySource(Array(tar)))
    var entries: [LayerEntry] = []
    while let entry = try reader.next(hasContent: false) { entries.append(entry) }
    return entries
  }

  private static let checksumSize = 8

  /// CRC-32 in hexadecimal: tells a torn file from a whole one.
  private static func checksum(of bytes: ArraySlice<UInt8>) -> [UInt8] {
    let sum = bytes.withUnsafeBytes { crc32_gzip_refl(0, $0.baseAddress, UInt64($0.count)) }
    let digits = Array(String(sum, radix: 16).utf8)
    return Array(repeating: UInt8(ascii: "0"), count: checksumSize - digits.count) + digits
  }

  private static let largestSizeInBytes = 2 << 30
}

extension HashingSource where Input: ~Copyable {
  /// Reads what is left and compares the whole with `diffID`. Call it once.
  package mutating func check(_ diffID: Digest) throws {
    let actual = try finishDigest()
    guard actual == diffID else {
      throw LayerError.diffIDMismatch(expected: diffID, actual: actual)
    }
  }
}
