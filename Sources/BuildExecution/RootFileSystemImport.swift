// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem
import OCI

/// Makes an image of a plain root file system: a directory or a tar archive, as one layer.
///
/// Owners, modes and times are those on disk. The image has no configuration but its platform.
package actor RootFileSystemImport {
  private let executor = ThreadExecutor()
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private let store: ContentStore
  private let platform: Platform

  package init(store: ContentStore, platform: Platform) {
    self.store = store
    self.platform = platform
  }

  /// - Parameter path: A directory, or a tar archive, compressed or not.
  /// - Returns: The image; its layer lies in the store.
  package func image(of path: PathBytes) throws -> ResolvedImage {
    let threads = WorkerThreads(count: onlineProcessors())
    var writer = try LayerBlobWriter(to: store, compressingOn: threads, .ofInputs)
    if try FileStatus(of: path, followLinks: true).kind == .directory {
      try add(directory: path, to: &writer.layer)
    } else {
      try add(archive: path, to: &writer.layer)
    }
    let layer = try writer.finish()
    let newest = layer.entries.map(\.modified).max() ?? FileTime(seconds: 0)
    var configuration = ImageConfiguration(platform: platform)
    configuration.created = Timestamp.text(seconds: newest.seconds)
    configuration.diffIDs = [layer.reference.diffID]
    configuration.history = [
      ImageConfiguration.History(
        created: configuration.created, createdBy: "a root file system", emptyLayer: false)
    ]
    let image = try Image(
      configuration: configuration, layers: [layer.reference.descriptor], format: .oci)
    return ResolvedImage(image: image, layers: [layer.reference], nameDigest: image.digest)
  }

  private func add(archive path: PathBytes, to layer: inout LayerWriter<BlobSink>) throws {
    var reader = TarReader(DecompressingSource(FileSource(try FileDescriptor.open(path))))
    while let entry = try reader.next() {
      guard try Whiteout(entryPath: entry.path) == nil else {
        throw LayerError.reservedName(entry.path)
      }
      if entry.kind == .regular {
        try layer.add(entry, contentOf: &reader)
      } else {
        try layer.add(entry)
      }
      try Task.checkCancellation()
    }
  }

  private func add(directory path: PathBytes, to layer: inout LayerWriter<BlobSink>) throws {
    let root = try BuildContext(directory: path)
    var links: [LinkKey: PathBytes] = [:]
    try add("", of: root, to: &layer, &links)
  }

  private func add(
    _ path: PathBytes, of root: BuildContext, to layer: inout LayerWriter<BlobSink>,
    _ links: inout [LinkKey: PathBytes]
  ) throws {
    let status = try root.status(of: path)
    guard !path.name.hasPrefix(Whiteout.prefix) else { throw LayerError.reservedName(path) }
    if status.kind == .socket { return }
    var entry = try LayerEntry(
      path: path, status: status, attributes: try root.attributes(of: path),
      linkTarget: { try root.target(ofLink: path) })
    let key = LinkKey(device: status.device, inode: status.inode)
    if !entry.isDirectory, status.linkCount > 1, let first = links[key] {
      entry.kind = .hardLink(first)
      entry.sizeInBytes = 0
      entry.attributes = []
    } else if status.linkCount > 1 {
      links[key] = path
    }
    if entry.kind == .regular {
      try layer.add(entry, content: try root.open(path))
    } else {
      try layer.add(entry)
    }
    guard entry.isDirectory else { return }
    for name in try root.names(in: path) {
      try add(path.appending(name), of: root, to: &layer, &links)
    }
  }
}
