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
    let difference = TreeDifference(from: before, to: after, above: base)
    var writer = try LayerBlobWriter(
      to: surroundings.fetcher.store, compressingOn: surroundings.compression,
      options.timestamps)
    for entry in difference.plain { try writer.layer.add(entry) }
    try await files.forEachContent(of: difference.files) { inode, pieces in
      try writer.layer.add(difference.entry(of: inode), produce: pieces)
    }
    for entry in difference.links { try writer.layer.add(entry) }
    let written = try writer.finish()
    try await surroundings.unpacked.remember(written.entries, of: written.reference.diffID)
    return written.reference
  }
}
