// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem

/// Looks into the files of an image, all layers taken together; on a thread of its own.
package actor ImageFiles {
  private let executor = ThreadExecutor()
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private let files: LayeredFiles

  package init(_ layers: [LayerReference], unpacked: UnpackedLayers, fetcher: BlobFetcher) {
    files = LayeredFiles(
      layers: layers.map { .blob($0, isOfBase: true) }, unpacked: unpacked, fetcher: fetcher)
  }

  /// Every file under every name, parents first, without the root.
  package func list() async throws -> [LayerEntry] {
    let tree = try await files.tree()
    var entries: [LayerEntry] = []
    tree.forEach(below: tree.root) { path, node in
      var entry = node.entry
      entry.path = path
      if !path.isEmpty { entries.append(entry) }
    }
    return entries
  }

  /// The content of a regular file, links followed; nil when there is none.
  package func contents(of path: PathBytes) async throws -> [UInt8]? {
    try await files.contents(of: path, limit: 1 << 30)
  }
}
