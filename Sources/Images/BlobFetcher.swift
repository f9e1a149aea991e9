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
    if let source = layer.source {
      try await fetch(layer.descriptor, from: source)
    } else if try !store.holds(layer.descriptor, of: store.directory.description) {
      throw ImageError.layerUnavailable(layer.descriptor.digest)
    }
  }

  package func fetch(_ descriptor: Descriptor, from source: any ImageSource) async throws {
    let digest = descriptor.digest
    while waiting[digest] != nil {
      await withCheckedContinuation { waiting[digest]?.append($0) }
      // Who fetched it may have failed or been cancelled: then it is this task's turn.
      try Task.checkCancellation()
    }
    if try store.holds(descriptor, of: source.location) { return }
    waiting[digest] = []
    defer { wakeWaiters(for: digest) }
    try await store.fetch(descriptor, from: source)
  }

  private func wakeWaiters(for digest: Digest) {
    for waiter in waiting.removeValue(forKey: digest) ?? [] { waiter.resume() }
  }
}

extension ContentStore {
  fileprivate func holds(_ descriptor: Descriptor, of location: String) throws -> Bool {
    do {
      return try contains(descriptor)
    } catch let error as ContentError {
      throw ImageError.corruptBlob(location: location, digest: descriptor.digest, problem: error)
    }
  }

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
