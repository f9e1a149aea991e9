// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// The local store, under one or more names; blobs that a build made are there already.
package struct StoreDestination: ImageDestination {
  private let store: ContentStore
  private let names: [ImageReference]
  private let workers: WorkerThreads

  package init(store: ContentStore, names: [ImageReference], workers: WorkerThreads) {
    self.store = store
    self.names = names
    self.workers = workers
  }

  package var location: String {
    names.isEmpty
      ? "store" : "store:" + names.map(\.description).joined(separator: ", store:")
  }

  package func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool {
    try await workers.run { store.contains(descriptor.digest) }
  }

  package func putBlob(_ descriptor: Descriptor, from source: ContentStore) async throws {
    try await workers.run(cancellable: { cancellation in
      if store.contains(descriptor.digest) { return }
      let file = try SharedFile(source.path(of: descriptor.digest))
      let writer = try store.makeWriter(expecting: descriptor)
      try LayoutFile(in: file, offset: 0, sizeInBytes: file.sizeInBytes).forEachPiece {
        try cancellation.check()
        try writer.write($0)
      }
      try writer.commit(expecting: descriptor)
    })
  }

  package func commit(_ images: ImageSet) async throws {
    try await workers.run {
      for document in images.documents { try store.put(document.bytes) }
      for name in names { try store.setName(name, to: images.top.descriptor) }
    }
  }
}
