// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// A tar archive as `docker save` writes it and `docker load` reads it, under any number of names.
///
/// Members are called as kaniko's `--tar-path` calls them: `sha256:HEX` the configuration,
/// `HEX.tar.gz` each layer as stored, `manifest.json` the list.
package struct DockerArchiveDestination: ImageDestination {
  private let file: PathBytes
  private let names: [ImageReference]
  private let workers: WorkerThreads
  private let blobs = ArchiveBlobs()

  /// - Parameter names: Those without a tag, but with a digest, are left out: the archive has no
  ///   place for them.
  package init(file: PathBytes, names: [ImageReference], workers: WorkerThreads) {
    self.file = file
    self.names = names
    self.workers = workers
  }

  package var location: String { "docker-archive:\(file)" }

  package func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool {
    false
  }

  package func putBlob(_ descriptor: Descriptor, from store: ContentStore) async throws {
    blobs.add(descriptor, in: store)
  }

  /// - Throws: ``ImageError/severalImages(location:)`` for an index: `docker load` reads none.
  package func commit(_ images: ImageSet) async throws {
    guard images.images.count == 1, let image = images.images.first else {
      throw ImageError.severalImages(location: location)
    }
    try await workers.run(cancellable: { cancellation in
      let writer = try ArchiveWriter(file)
      try writer.add(members(of: image), blobs: blobs, checking: cancellation)
      try writer.commit()
    })
  }

  private func members(of image: Image) throws -> [String: ArchiveMember] {
    let configurationName = image.manifest.config.digest.description
    let entry = DockerArchiveEntry(
      config: configurationName, repoTags: tags, layers: image.manifest.layers.map(layerName))
    var members: [String: ArchiveMember] = [
      configurationName: .bytes(image.encodedConfiguration),
      "manifest.json": .bytes(try encodeJSON([entry])),
    ]
    for layer in image.manifest.layers { members[layerName(layer)] = .blob(layer) }
    return members
  }

  private var tags: [String] {
    names.compactMap { name in name.tagOrLatest.map { "\(name.name):\($0)" } }
  }

  private func layerName(_ layer: Descriptor) -> String {
    switch layer.mediaType {
    case .ociLayer, .dockerLayer: "\(layer.digest.hex).tar"
    case .ociLayerZstd: "\(layer.digest.hex).tar.zst"
    default: "\(layer.digest.hex).tar.gz"
    }
  }
}

/// An image in the `manifest.json` of a saved archive.
///
/// Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
struct DockerArchiveEntry: Codable {
  var config: String
  var repoTags: [String]?
  var layers: [String]?

  enum CodingKeys: String, CodingKey {
    case config = "Config"
    case repoTags = "RepoTags"
    case layers = "Layers"
  }
}
