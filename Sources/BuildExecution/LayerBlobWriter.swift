// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem
import OCI

/// A layer that lies in the content store now.
struct WrittenLayer: Sendable {
  var reference: LayerReference
  /// In the order of the blob.
  var entries: [LayerEntry]
}

/// Writes one layer blob into the content store; dropped before ``finish()``, it leaves nothing.
struct LayerBlobWriter: ~Copyable {
  private let blob: BlobWriter
  /// Takes the entries.
  var layer: LayerWriter<BlobSink>

  init(
    to store: ContentStore, compressingOn threads: WorkerThreads,
    _ timestamps: ExecutionOptions.Timestamps
  ) throws {
    let blob = try store.makeWriter()
    layer = try LayerWriter(
      compressingOn: threads, latest: timestamps.latest, to: BlobSink(blob))
    self.blob = blob
  }

  /// Makes the blob visible. Call it once.
  mutating func finish() throws -> WrittenLayer {
    let diffID = try layer.finish()
    let (digest, size) = try blob.commit()
    let descriptor = Descriptor(mediaType: .ociLayerGzip, digest: digest, size: size)
    return WrittenLayer(
      reference: LayerReference(descriptor: descriptor, diffID: diffID), entries: layer.entries)
  }
}

extension ExecutionOptions.Timestamps {
  /// What later modification times are lowered to.
  var latest: FileTime? {
    switch self {
    case .ofInputs: nil
    case .fixed(let time): time
    }
  }
}
