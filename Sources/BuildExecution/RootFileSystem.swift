// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import OCI
import Sandboxing

/// The files of a finished image without the image: as a directory or a tar archive.
package struct RootFileSystem: Sendable {
  private let layers: [LayerReference]
  private let surroundings: Executor.Surroundings

  package init(_ built: BuiltImage, _ surroundings: Executor.Surroundings) {
    layers = built.layers
    self.surroundings = surroundings
  }

  /// Unpacks the layers one over the other; whiteouts take away.
  ///
  /// Owners are set where this process may.
  ///
  /// - Parameter directory: Made if missing; what is there already stays, unless the image has it.
  package func unpack(into directory: PathBytes) async throws {
    try await RootFileSystemWriter(surroundings).unpack(layers, into: directory)
  }

  /// Writes an uncompressed archive by temporary file and rename; directories first, hard links
  /// last.
  package func writeArchive(to path: PathBytes) async throws {
    let temporary = PathBytes(path.bytes + Array(".partial".utf8))
    do {
      let file = try FileDescriptor.open(
        temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
      try await RootFileSystemWriter(surroundings).write(layers, to: file)
      try rename(temporary, to: path)
    } catch {
      try? removeFile(temporary)
      throw error
    }
  }
}

/// Writes on a thread of its own.
private actor RootFileSystemWriter {
  private let executor = ThreadExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let surroundings: Executor.Surroundings

  init(_ surroundings: Executor.Surroundings) { self.surroundings = surroundings }

  func unpack(_ layers: [LayerReference], into directory: PathBytes) async throws {
    try makeDirectories(directory, mode: 0o755)
    let tree = FileTree()
    for layer in layers {
      try await surroundings.fetcher.fetch(layer)
      let blob = try surroundings.fetcher.store.open(layer.descriptor.digest)
      var reader = TarReader(LayerContent(blob: blob, diffID: layer.diffID))
      var unpacker = try LayerUnpacker(
        into: directory, over: tree, lower: [],
        style: .plain(setsOwners: Capability.mayGiveFilesAway))
      _ = try unpacker.unpack(&reader)
      try reader.input.check()
      try Task.checkCancellation()
    }
  }

  func write(_ layers: [LayerReference], to file: consuming sending FileDescriptor) async throws {
    let files = LayeredFiles(
      layers: layers.map { .blob($0, isOfBase: true) }, unpacked: surroundings.unpacked,
      fetcher: surroundings.fetcher)
    let difference = TreeDifference(from: FileTree(), to: try await files.tree(), above: 0)
    var tar = TarWriter(to: FileSink(file))
    for entry in difference.plain { try tar.begin(entry) }
    try await files.forEachContent(of: difference.files) { inode, pieces in
      try tar.begin(difference.entry(of: inode))
      try pieces { try tar.write($0) }
    }
    for entry in difference.links { try tar.begin(entry) }
    try tar.finish()
    try tar.output.flush()
  }
}

/// A file, written in pieces of 1 MiB.
private struct FileSink: ByteSink, ~Copyable {
  private let file: FileDescriptor
  private let buffer = PieceBuffer(capacity: 1 << 20)
  private var count = 0

  init(_ file: consuming FileDescriptor) { self.file = file }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    if count + bytes.count > buffer.whole.count { try flush() }
    if bytes.count > buffer.whole.count { return try file.writeAll(bytes) }
    UnsafeMutableRawBufferPointer(rebasing: buffer.whole[count..<(count + bytes.count)])
      .copyMemory(from: bytes)
    count += bytes.count
  }

  mutating func flush() throws {
    try file.writeAll(buffer.bytes(0..<count))
    count = 0
  }
}
