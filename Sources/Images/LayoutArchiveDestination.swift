// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// An OCI image layout in a tar archive, as `oci-archive:` names it elsewhere. One image, which
/// replaces what the file held.
package struct LayoutArchiveDestination: ImageDestination {
  private let file: PathBytes
  private let name: String?
  private let workers: WorkerThreads
  private let blobs = ArchiveBlobs()

  package init(file: PathBytes, name: String?, workers: WorkerThreads) {
    self.file = file
    self.name = name
    self.workers = workers
  }

  package var location: String { "oci-archive:\(file)" + (name.map { ":\($0)" } ?? "") }

  package func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool {
    false
  }

  package func putBlob(_ descriptor: Descriptor, from store: ContentStore) async throws {
    blobs.add(descriptor, in: store)
  }

  package func commit(_ images: ImageSet) async throws {
    try await workers.run(cancellable: { cancellation in
      let writer = try ArchiveWriter(file)
      try writer.add(members(of: images), blobs: blobs, checking: cancellation)
      try writer.commit()
    })
  }

  private func members(of images: ImageSet) throws -> [String: ArchiveMember] {
    var index = LayoutIndex()
    if let name {
      try index.set(name, to: images.top.descriptor)
    } else {
      try index.setOnly(images.top.descriptor)
    }
    var members: [String: ArchiveMember] = [
      "blobs": .directory,
      "index.json": .bytes(try index.encoded()),
      "oci-layout": .bytes(LayoutDirectory.version),
    ]
    func add(_ digest: Digest, _ member: ArchiveMember) {
      members["blobs/\(digest.algorithm.rawValue)"] = .directory
      members[blobName(digest).description] = member
    }
    for layer in images.images.flatMap(\.manifest.layers) { add(layer.digest, .blob(layer)) }
    for document in images.documents { add(document.digest, .bytes(document.bytes)) }
    return members
  }
}
