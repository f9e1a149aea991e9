// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// The entries of one layer in their order, kept beside the layer so that it need not be read again.
///
/// On disk it is the layer's own tar archive without the files' content, compressed with gzip. It is
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

  /// - Parameter threads: For compression only.
  package static func encode(_ entries: [LayerEntry], compressingOn threads: WorkerThreads) throws
    -> [UInt8]
  {
    let file = try GzipSink(on: threads, then: MemorySink(limit: largestSizeInBytes))
    var tar = TarWriter(to: file)
    for entry in entries { try tar.begin(entry, hasContent: false) }
    try tar.finish()
    try tar.output.finish()
    return tar.output.next.bytes
  }

  /// - Throws: ``LayerError`` for a file that was not written to its end, among others.
  package static func decode(file: consuming FileDescriptor) throws -> [LayerEntry] {
    try checkMagic(of: file)
    var reader = TarReader(DecompressingSource(FileSource(file)))
    var entries: [LayerEntry] = []
    while let entry = try reader.next(hasContent: false) { entries.append(entry) }
    // gzip's own checksum stands at the end.
    try reader.finish()
    return entries
  }

  /// What is not compressed would pass for an archive: a file of zeros for an empty one.
  private static func checkMagic(of file: borrowing FileDescriptor) throws {
    var head: [UInt8] = [0, 0]
    let count = try head.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    guard count == 2, head == [0x1F, 0x8B] else {
      throw LayerError.malformedArchive("an index that is not compressed", offset: 0)
    }
  }

  private static let largestSizeInBytes = 1 << 30
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
