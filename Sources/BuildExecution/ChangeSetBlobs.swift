// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import OCI

/// Turns what commands changed into layer blobs, each once, while the build goes on.
actor ChangeSetBlobs {
  private let executor = ThreadExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let store: ContentStore
  private let unpacked: UnpackedLayers
  private let compression: WorkerThreads
  private let timestamps: ExecutionOptions.Timestamps
  private var written: [PathBytes: LayerReference] = [:]

  init(
    store: ContentStore, unpacked: UnpackedLayers, compression: WorkerThreads,
    timestamps: ExecutionOptions.Timestamps
  ) {
    self.store = store
    self.unpacked = unpacked
    self.compression = compression
    self.timestamps = timestamps
  }

  /// The blob of a change set, written the first time it is asked for.
  func blob(of changes: ChangeSet) async throws -> LayerReference {
    if let known = written[changes.directory] { return known }
    let layer = try write(changes)
    written[changes.directory] = layer.reference
    try await unpacked.remember(layer.entries, of: layer.reference.diffID)
    return layer.reference
  }

  private func write(_ changes: ChangeSet) throws -> WrittenLayer {
    let root = try FileDescriptor.open(changes.directory, flags: O_RDONLY | O_DIRECTORY)
    var writer = try LayerBlobWriter(to: store, compressingOn: compression, timestamps)
    for entry in changes.entries {
      if entry.kind == .regular && entry.sizeInBytes > 0 {
        let file = try FileDescriptor.openBeneath(
          entry.path, in: root, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        try writer.layer.add(entry, content: file)
      } else {
        try writer.layer.add(entry)
      }
    }
    return try writer.finish()
  }
}
