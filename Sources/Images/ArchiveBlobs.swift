// SPDX-License-Identifier: Apache-2.0

import OCI
import Synchronization

/// The layers an archive will hold, and the stores they lie in until it is written in one go.
final class ArchiveBlobs: Sendable {
  private let stores = Mutex<[Digest: ContentStore]>([:])

  func add(_ descriptor: Descriptor, in store: ContentStore) {
    stores.withLock { $0[descriptor.digest] = store }
  }

  /// - Throws: ``ImageError/layerUnavailable(_:)`` for one that was never put.
  func store(of descriptor: Descriptor) throws -> ContentStore {
    guard let store = stores.withLock({ $0[descriptor.digest] }) else {
      throw ImageError.layerUnavailable(descriptor.digest)
    }
    return store
  }
}

/// One member of an archive to be written.
enum ArchiveMember {
  case directory
  case bytes([UInt8])
  case blob(Descriptor)
}

extension ArchiveWriter {
  /// Adds `members` in the order of their names.
  func add(
    _ members: [String: ArchiveMember], blobs: ArchiveBlobs, checking cancellation: Cancellation
  ) throws {
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      try cancellation.check()
      switch member {
      case .directory: try addDirectory(name)
      case .bytes(let bytes): try addFile(name, bytes)
      case .blob(let descriptor):
        try addBlob(
          name, descriptor, from: try blobs.store(of: descriptor), checking: cancellation)
      }
    }
  }
}
