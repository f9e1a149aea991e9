// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import OCI

/// Layers as directories, and their lists of entries, kept beside the content store and shared by
/// every build.
///
/// A directory is named by the chain ID of its layer, since where an entry lands can depend on the
/// layers below. It appears complete, by rename, or not at all.
/// OCI image-spec v1.1, config.md, "Layer ChainID".
package actor UnpackedLayers {
  private let executor = ThreadExecutor()
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private let fetcher: BlobFetcher
  package nonisolated let format: OverlayFormat
  private let directory: PathBytes
  private let indexes: PathBytes
  private var known: [Digest: [LayerEntry]] = [:]
  /// Of indexes.
  private let compression = WorkerThreads(count: 1)

  package init(fetcher: BlobFetcher, format: OverlayFormat) throws {
    self.fetcher = fetcher
    self.format = format
    // The two formats mark differently, so they cannot share.
    directory = fetcher.store.directory.appending(
      format == .trusted ? "layers" : "layers-userxattr")
    indexes = fetcher.store.directory.appending("index")
    try makeDirectories(directory, mode: 0o700)
    try makeDirectories(indexes, mode: 0o700)
  }

  /// The entries of a layer, read from its blob the first time.
  package func entries(of layer: LayerReference) async throws -> [LayerEntry] {
    if let entries = known[layer.diffID] ?? savedEntries(of: layer.diffID) { return entries }
    try await fetcher.fetch(layer)
    let entries = try LayerIndex.read(
      blob: try fetcher.store.open(layer.descriptor.digest), diffID: layer.diffID)
    try remember(entries, of: layer.diffID)
    return entries
  }

  /// Keeps the entries of a layer that was made here.
  package func remember(_ entries: [LayerEntry], of diffID: Digest) throws {
    known[diffID] = entries
    try fetcher.store.replaceFile(
      indexes.appending(diffID.hex),
      with: try LayerIndex.encode(entries, compressingOn: compression), isDurable: false)
  }

  /// Keeps the entries of a layer that was read on the way to something else.
  func rememberIfNew(_ entries: [LayerEntry], of diffID: Digest) throws {
    if known[diffID] == nil { try remember(entries, of: diffID) }
  }

  private func savedEntries(of diffID: Digest) -> [LayerEntry]? {
    guard let file = try? FileDescriptor.open(indexes.appending(diffID.hex)) else { return nil }
    let entries = try? LayerIndex.decode(file: file)
    known[diffID] = entries
    return entries
  }

  /// The directories of a stack of layers, lowest first; those that are missing are unpacked.
  package func directories(of layers: [LayerReference]) async throws -> [PathBytes] {
    let places = Self.chainIDs(layers.map(\.diffID)).map {
      // 96 bits name it; overlayfs takes all names of a mount in one page.
      directory.appending(String($0.hex.prefix(24)))
    }
    guard let first = places.firstIndex(where: { !exists($0) }) else { return places }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for layer in layers[first...] {
        group.addTask { [fetcher] in try await fetcher.fetch(layer) }
      }
      try await group.waitForAll()
    }
    let tree = FileTree()
    for (number, layer) in layers.enumerated() {
      if exists(places[number]) {
        tree.beginLayer()
        for entry in try await entries(of: layer) { try tree.apply(entry) }
      } else {
        try unpack(layer, to: places[number], over: tree, lower: Array(places[..<number]))
      }
    }
    return places
  }

  private func unpack(
    _ layer: LayerReference, to place: PathBytes, over tree: FileTree, lower: [PathBytes]
  ) throws {
    let temporary = fetcher.store.temporaryPath()
    try makeDirectory(temporary, mode: 0o755)
    do {
      let blob = try fetcher.store.open(layer.descriptor.digest)
      var reader = TarReader(LayerContent(blob: blob, diffID: layer.diffID))
      var unpacker = try LayerUnpacker(
        into: temporary, over: tree, lower: lower, style: .overlay(format))
      let entries = try unpacker.unpack(&reader)
      try reader.input.check()
      try rememberIfNew(entries, of: layer.diffID)
      try rename(temporary, to: place)
    } catch {
      try? removeTree(temporary)
      // Another process may have been faster with the same layer.
      guard exists(place) else { throw error }
    }
  }

  /// OCI image-spec v1.1, config.md, "Layer ChainID".
  static func chainIDs(_ diffIDs: [Digest]) -> [Digest] {
    var chain: [Digest] = []
    for diffID in diffIDs {
      chain.append(chain.last.map { Digest.of(Array("\($0) \(diffID)".utf8)) } ?? diffID)
    }
    return chain
  }
}
