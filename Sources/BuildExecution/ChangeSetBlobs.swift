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
    let (reference, entries) = try write(changes)
    written[changes.directory] = reference
    try await unpacked.remember(entries, of: reference.diffID)
    return reference
  }

  private func write(_ changes: ChangeSet) throws -> (LayerReference, [LayerEntry]) {
    let root = try FileDescriptor.open(changes.directory, flags: O_RDONLY | O_DIRECTORY)
    return try store.writeLayer(compressingOn: compression, timestamps: timestamps) { layer in
      for entry in changes.entries {
        if entry.kind == .regular && entry.sizeInBytes > 0 {
          let file = try FileDescriptor.openBeneath(
            entry.path, in: root, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
          try layer.add(entry, content: file)
        } else {
          try layer.add(entry)
        }
      }
    }
  }
}

extension ContentStore {
  /// Writes a layer blob: `fill` adds the entries.
  func writeLayer(
    compressingOn threads: WorkerThreads, timestamps: ExecutionOptions.Timestamps,
    _ fill: (inout LayerWriter<BlobSink>) throws -> Void
  ) throws -> (LayerReference, [LayerEntry]) {
    let blob = try makeWriter()
    var layer = try LayerWriter(
      compressingOn: threads, latest: timestamps.latest, to: BlobSink(blob))
    try fill(&layer)
    let diffID = try layer.finish()
    let (digest, size) = try blob.commit()
    let descriptor = Descriptor(mediaType: .ociLayerGzip, digest: digest, size: size)
    return (LayerReference(descriptor: descriptor, diffID: diffID), layer.entries)
  }
}

extension ExecutionOptions.Timestamps {
  var latest: FileTime? {
    switch self {
    case .ofInputs: nil
    case .fixed(let time): time
    }
  }
}
