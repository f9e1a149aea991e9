// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem
import OCI

/// Makes one layer of everything above the base image (kaniko's `--single-snapshot`).
struct Squash {
  private let surroundings: Executor.Surroundings
  private let options: ExecutionOptions

  init(_ surroundings: Executor.Surroundings, options: ExecutionOptions) {
    self.surroundings = surroundings
    self.options = options
  }

  /// - Returns: The base's layers and the one layer; the history is shortened to match.
  func layers(of result: StageResult, _ configuration: inout ImageConfiguration) async throws
    -> [LayerReference]
  {
    var base: [LayerReference] = []
    for case .blob(let reference, true) in result.layers { base.append(reference) }
    guard result.layers.count > base.count else { return base }
    let writer = SquashWriter(surroundings, options: options)
    let layer = try await writer.write(result.layers, above: base.count)
    mergeHistory(&configuration, keeping: base.count)
    return base + [layer]
  }

  /// The last entry that had a layer of its own gets the one layer; the others had none.
  private func mergeHistory(_ configuration: inout ImageConfiguration, keeping base: Int) {
    var seen = 0
    var last: Int?
    for index in configuration.history.indices where configuration.history[index].emptyLayer != true
    {
      seen += 1
      guard seen > base else { continue }
      configuration.history[index].emptyLayer = true
      last = index
    }
    if let last { configuration.history[last].emptyLayer = nil }
  }
}

/// Writes the difference between two trees, on a thread of its own.
private actor SquashWriter {
  private let executor = ThreadExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let surroundings: Executor.Surroundings
  private let options: ExecutionOptions

  init(_ surroundings: Executor.Surroundings, options: ExecutionOptions) {
    self.surroundings = surroundings
    self.options = options
  }

  func write(_ layers: [StageLayer], above base: Int) async throws -> LayerReference {
    let files = LayeredFiles(
      layers: layers, unpacked: surroundings.unpacked, fetcher: surroundings.fetcher)
    let before = try await LayeredFiles(
      layers: Array(layers[..<base]), unpacked: surroundings.unpacked,
      fetcher: surroundings.fetcher
    ).tree()
    let after = try await files.tree()
    let plain = entries(from: before, to: after, above: base)
    let store = surroundings.fetcher.store
    let blob = try store.makeWriter()
    var layer = try LayerWriter(
      compressingOn: surroundings.compression, latest: options.timestamps.latest,
      to: BlobSink(blob))
    for entry in plain.first { try layer.add(entry) }
    try await files.forEachContent(of: plain.files) { inode, pieces in
      try layer.add(inode.entry, produce: pieces)
    }
    for entry in plain.links { try layer.add(entry) }
    let diffID = try layer.finish()
    let (digest, size) = try blob.commit()
    return LayerReference(
      descriptor: Descriptor(mediaType: .ociLayerGzip, digest: digest, size: size),
      diffID: diffID)
  }

  private struct Difference {
    /// Whiteouts, directories, and whatever else has no content.
    var first: [LayerEntry] = []
    var files: [FileTree.Inode] = []
    var links: [LayerEntry] = []
  }

  private func entries(from before: FileTree, to after: FileTree, above base: Int) -> Difference {
    var difference = Difference()
    var names: [ObjectIdentifier: PathBytes] = [:]
    visit(after.root, before.root, PathBytes([UInt8]()), base, &difference, &names)
    return difference
  }

  private func visit(
    _ node: FileTree.Node, _ old: FileTree.Node?, _ path: PathBytes, _ base: Int,
    _ difference: inout Difference, _ names: inout [ObjectIdentifier: PathBytes]
  ) {
    for (name, child) in old?.sortedChildren ?? [] where node.children[name] == nil {
      _ = child
      difference.first.append(Whiteout.file(path.appending(name)).entry)
    }
    for (name, child) in node.sortedChildren {
      let place = path.appending(name)
      let below = old?.children[name]
      var entry = child.entry
      entry.path = place
      if child.isDirectory {
        let isNew = below?.isDirectory != true || child.inode.layer >= base
        let mark = difference.first.count
        let marks = (difference.files.count, difference.links.count)
        visit(
          child, below?.isDirectory == true ? below : nil, place, base, &difference, &names)
        let isTouched =
          difference.first.count > mark || (difference.files.count, difference.links.count) != marks
        if isNew || isTouched { difference.first.insert(entry, at: mark) }
      } else if child.inode.layer >= base {
        let identity = ObjectIdentifier(child.inode)
        if let first = names[identity] {
          entry.kind = .hardLink(first)
          entry.sizeInBytes = 0
          difference.links.append(entry)
        } else {
          names[identity] = place
          if entry.kind == .regular {
            difference.files.append(child.inode)
          } else {
            difference.first.append(entry)
          }
        }
      }
    }
  }
}
