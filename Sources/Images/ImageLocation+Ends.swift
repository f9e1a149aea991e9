// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

extension ImageLocation {
  /// Where to read the image.
  ///
  /// - Returns: Nil for a registry, which another module reads.
  /// - Throws: ``ImageError`` when an archive's headers are damaged.
  package func source(store: ContentStore, workers: WorkerThreads) async throws
    -> (any ImageSource)?
  {
    switch self {
    case .registry: nil
    case .layout(let directory, let name):
      LayoutSource(directory: directory, name: name, workers: workers)
    case .layoutArchive(let file, let name):
      try await LayoutSource(archive: file, name: name, workers: workers)
    case .dockerArchive(let file, let name):
      try await DockerArchiveSource(file: file, name: name, workers: workers)
    case .store(let name): LayoutSource(store: store, name: name, workers: workers)
    }
  }

  /// Where to write an image.
  ///
  /// - Returns: Nil for a registry, which another module writes.
  package func destination(store: ContentStore, workers: WorkerThreads) -> (any ImageDestination)? {
    switch self {
    case .registry: nil
    case .layout(let directory, let name):
      LayoutDestination(directory: directory, name: name, workers: workers)
    case .layoutArchive(let file, let name):
      LayoutArchiveDestination(file: file, name: name, workers: workers)
    case .dockerArchive(let file, let name):
      DockerArchiveDestination(file: file, names: name.map { [$0] } ?? [], workers: workers)
    case .store(let name): StoreDestination(store: store, names: [name], workers: workers)
    }
  }
}
