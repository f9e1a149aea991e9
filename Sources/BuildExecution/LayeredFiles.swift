// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import OCI

/// The files of a stack of layers: looked up without unpacking, read from wherever they lie.
///
/// Not for several tasks at once.
final class LayeredFiles {
  private(set) var layers: [StageLayer]
  private let unpacked: UnpackedLayers
  private let fetcher: BlobFetcher
  private var tree: FileTree?

  init(layers: [StageLayer], unpacked: UnpackedLayers, fetcher: BlobFetcher) {
    self.layers = layers
    self.unpacked = unpacked
    self.fetcher = fetcher
  }

  /// Everything the layers hold, built the first time it is asked for.
  func tree(isolation: isolated (any Actor)? = #isolation) async throws -> FileTree {
    if let tree { return tree }
    let tree = FileTree()
    for layer in layers {
      tree.beginLayer()
      for entry in try await entries(of: layer) { try tree.apply(entry) }
    }
    self.tree = tree
    return tree
  }

  private func entries(of layer: StageLayer, isolation: isolated (any Actor)? = #isolation)
    async throws -> [LayerEntry]
  {
    switch layer {
    case .blob(let reference, _): try await unpacked.entries(of: reference)
    case .changes(let changes): changes.entries
    }
  }

  /// Puts a layer on top.
  ///
  /// - Parameter isInTree: Its entries were applied to the tree already.
  func append(_ layer: StageLayer, isInTree: Bool, entries: [LayerEntry]) throws {
    layers.append(layer)
    guard !isInTree, let tree else { return }
    tree.beginLayer()
    for entry in entries { try tree.apply(entry) }
  }

  /// Of the files of the topmost layer, uncompressed.
  func topSizeInBytes(isolation: isolated (any Actor)? = #isolation) async throws -> Int64 {
    guard let top = layers.last else { return 0 }
    return try await entries(of: top).reduce(0) { $0 + $1.sizeInBytes }
  }

  /// The tree was changed for a layer that then could not be written.
  func forgetTree() { tree = nil }

  /// The directories of all layers, topmost first, as an overlay wants them.
  func directories(isolation: isolated (any Actor)? = #isolation) async throws -> [PathBytes] {
    var base: [LayerReference] = []
    for case .blob(let reference, true) in layers { base.append(reference) }
    var directories = try await unpacked.directories(of: base)
    for layer in layers {
      switch layer {
      case .blob(_, true): break
      // Layers of ours name every directory on the way, so they stand on their own.
      case .blob(let reference, false):
        directories += try await unpacked.directories(of: [reference])
      case .changes(let changes): directories.append(changes.directory)
      }
    }
    return directories.reversed()
  }

  /// What the image says of `/` itself.
  func rootEntry(isolation: isolated (any Actor)? = #isolation) async throws -> LayerEntry {
    var root = LayerEntry.implicitDirectory("", modified: FileTime(seconds: 0))
    for layer in layers {
      if let entry = try await entries(of: layer).first(where: { $0.path.isEmpty }) { root = entry }
    }
    return root
  }

  /// The content of a small file; nil when there is no regular file at `path`.
  func contents(
    of path: PathBytes, limit: Int = 4 << 20, isolation: isolated (any Actor)? = #isolation
  ) async throws -> [UInt8]? {
    guard let inode = try await tree().resolve(path).node?.inode, inode.entry.kind == .regular
    else { return nil }
    guard inode.entry.sizeInBytes <= limit else { throw ContentError.tooLarge(limit: limit) }
    var bytes: [UInt8] = []
    try await forEachContent(of: [inode]) { _, pieces in
      try pieces { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  typealias Pieces = ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// Reads the content of regular files, each layer once, in the order the layers have them.
  ///
  /// - Parameter body: Takes the inode and a function that hands its content over in pieces.
  func forEachContent(
    of inodes: [FileTree.Inode], isolation: isolated (any Actor)? = #isolation,
    _ body: (FileTree.Inode, Pieces) throws -> Void
  ) async throws {
    for (layer, wanted) in Dictionary(grouping: inodes, by: \.layer).sorted(by: { $0.key < $1.key })
    {
      switch layers[layer] {
      case .blob(let reference, _):
        try await fetcher.fetch(reference)
        try read(wanted, from: reference, body)
      case .changes(let changes):
        try read(wanted, from: changes, body)
      }
    }
  }

  private func read(
    _ inodes: [FileTree.Inode], from reference: LayerReference,
    _ body: (FileTree.Inode, Pieces) throws -> Void
  ) throws {
    var wanted = Dictionary(
      inodes.map { ($0.ordinal, $0) }, uniquingKeysWith: { first, _ in first })
    let blob = try fetcher.store.open(reference.descriptor.digest)
    var reader = TarReader(DecompressingSource(FileSource(blob)))
    var ordinal = 0
    while !wanted.isEmpty, try reader.next() != nil {
      if let inode = wanted.removeValue(forKey: ordinal) {
        try body(inode) { try reader.forEachPiece($0) }
        try Task.checkCancellation()
      }
      ordinal += 1
    }
    if let missing = wanted.values.map(\.entry.path).min() {
      throw LayerError.missingFile(missing)
    }
  }

  private func read(
    _ inodes: [FileTree.Inode], from changes: ChangeSet,
    _ body: (FileTree.Inode, Pieces) throws -> Void
  ) throws {
    let root = try FileDescriptor.open(changes.directory, flags: O_RDONLY | O_DIRECTORY)
    let buffer = PieceBuffer(capacity: 1 << 20)
    for inode in inodes.sorted(by: { $0.entry.path < $1.entry.path }) {
      // A recorded tree keeps no files without content.
      guard inode.entry.sizeInBytes > 0 else {
        try body(inode) { _ in }
        continue
      }
      let file = try FileDescriptor.openBeneath(
        inode.entry.path, in: root, flags: O_RDONLY | O_NOFOLLOW)
      try body(inode) { take in
        while case let count = try file.read(into: buffer.whole), count > 0 {
          try take(buffer.bytes(0..<count))
        }
      }
      try Task.checkCancellation()
    }
  }
}
