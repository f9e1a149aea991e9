// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// Writes a layer: tar, diff ID and gzip in one pass over each file.
///
/// Nothing is held but buffers and the list of entries. `output` takes the compressed bytes.
package struct LayerWriter<Output: ByteSink & ~Copyable>: ~Copyable {
  private var tar: TarWriter<HashingSink<GzipSink<Output>>>
  private let latest: FileTime?
  private let buffer = PieceBuffer(capacity: 1 << 20)
  /// What was written, in order.
  package private(set) var entries: [LayerEntry] = []

  /// - Parameters:
  ///   - threads: For compression only.
  ///   - latest: Later modification times are lowered to this.
  package init(
    compressingOn threads: WorkerThreads, latest: FileTime? = nil, to output: consuming Output
  ) throws {
    tar = TarWriter(to: HashingSink(then: try GzipSink(on: threads, then: output)))
    self.latest = latest
  }

  /// Adds anything but a regular file with content.
  package mutating func add(_ entry: LayerEntry) throws {
    precondition(entry.sizeInBytes == 0, "content is missing")
    try begin(entry)
  }

  /// Adds a regular file; its size is what `bytes` has.
  package mutating func add(_ entry: LayerEntry, bytes: [UInt8]) throws {
    var entry = entry
    entry.sizeInBytes = Int64(bytes.count)
    try begin(entry)
    if !bytes.isEmpty { try bytes.withUnsafeBytes { try tar.write($0) } }
  }

  /// Adds a regular file with the content of `file` from where it stands, exactly as much as the
  /// entry's size says.
  ///
  /// - Throws: ``LayerError/fileChanged(_:)`` when there is more or less.
  package mutating func add(_ entry: LayerEntry, content file: borrowing FileDescriptor) throws {
    try begin(entry)
    var left = entry.sizeInBytes
    while left > 0 {
      let count = try file.read(into: buffer.whole)
      guard count > 0, Int64(count) <= left else { throw LayerError.fileChanged(entry.path) }
      try Task.checkCancellation()
      try tar.write(buffer.bytes(0..<count))
      left -= Int64(count)
    }
    // One more read tells a file that grew; it is free for one that did not.
    if try file.read(into: buffer.whole) > 0 {
      throw LayerError.fileChanged(entry.path)
    }
  }

  /// Adds a regular file whose content is the reader's current entry.
  package mutating func add<Input: ByteSource & ~Copyable>(
    _ entry: LayerEntry, contentOf reader: inout TarReader<Input>
  ) throws {
    try begin(entry)
    try reader.forEachPiece { try tar.write($0) }
  }

  /// Adds a regular file piece by piece: `produce` hands over exactly the entry's size.
  package mutating func add(
    _ entry: LayerEntry, produce: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try begin(entry)
    try produce { try tar.write($0) }
  }

  /// Ends the layer and gives its diff ID. Call it once.
  package mutating func finish() throws -> Digest {
    try tar.finish()
    try tar.output.next.finish()
    return tar.output.finishDigest()
  }

  /// The sink the compressed bytes went to.
  package var output: Output {
    _read { yield tar.output.next.next }
  }

  private mutating func begin(_ entry: LayerEntry) throws {
    var entry = entry
    if let latest, entry.modified > latest { entry.modified = latest }
    entries.append(entry)
    try tar.begin(entry)
  }
}
