// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Brings blobs into a content store; one that several ask for at once is fetched once.
package actor BlobFetcher {
  package nonisolated let store: ContentStore
  /// The digests being fetched, and who waits for each.
  private var waiting: [Digest: [CheckedContinuation<Void, Never>]] = [:]

  package init(store: ContentStore) { self.store = store }

  /// Makes sure that the layer lies complete in the store.
  ///
  /// - Throws: ``ImageError/layerUnavailable(_:)``, ``ImageError/corruptBlob(location:digest:problem:)``
  ///   or what the source throws; the store is then unchanged.
  package func fetch(_ layer: LayerReference) async throws {
    guard let source = layer.source else {
      guard store.contains(layer.descriptor.digest) else {
        throw ImageError.layerUnavailable(layer.descriptor.digest)
      }
      return
    }
    try await fetch(layer.descriptor, from: source)
  }

  package func fetch(_ descriptor: Descriptor, from source: any ImageSource) async throws {
    let digest = descriptor.digest
    while waiting[digest] != nil {
      await withCheckedContinuation { waiting[digest]?.append($0) }
      // Who fetched it may have failed or been cancelled: then it is this task's turn.
      try Task.checkCancellation()
    }
    if store.contains(digest) { return }
    waiting[digest] = []
    defer { wakeWaiters(for: digest) }
    try await store.fetch(descriptor, from: source)
  }

  private func wakeWaiters(for digest: Digest) {
    for waiter in waiting.removeValue(forKey: digest) ?? [] { waiter.resume() }
  }
}

extension ContentStore {
  fileprivate func fetch(_ descriptor: Descriptor, from source: any ImageSource) async throws {
    do {
      let writer = try makeWriter(expecting: descriptor)
      try await source.fetchBlob(descriptor, into: writer)
      try writer.commit(expecting: descriptor)
    } catch let error as ContentError {
      throw ImageError.corruptBlob(
        location: source.location, digest: descriptor.digest, problem: error)
    }
  }
}
