// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import Synchronization

/// An image in a tar archive made by `docker save`, `podman save`, skopeo or kaniko.
///
/// Such an archive has no manifest in the sense of a registry: one is made up from its
/// `manifest.json` and the members it names. A layer's digest is that of the member as stored.
package final class DockerArchiveSource: ImageSource {
  package let location: String
  private let archive: ArchiveReader
  private let name: ImageReference?
  private let workers: WorkerThreads
  private let contents = Mutex<Contents?>(nil)

  private struct Contents {
    var manifest: EncodedManifest
    /// Where each blob the manifest names lies.
    var files: [Digest: LayoutFile]
  }

  /// - Parameter name: One of the archive's names; when absent, it must hold one image only.
  /// - Throws: ``ImageError`` when the archive's headers are damaged.
  package init(file: PathBytes, name: ImageReference?, workers: WorkerThreads) async throws {
    location = "docker-archive:\(file)" + (name.map { ":\($0)" } ?? "")
    archive = try await workers.run { try ArchiveReader(file) }
    self.name = name
    self.workers = workers
  }

  package func manifest(_ digest: Digest?) async throws -> EncodedManifest {
    try await workers.run { [self] in
      let manifest = try loaded().manifest
      guard digest == nil || digest == manifest.digest else {
        throw ImageError.manifestNotFound(
          location: location, selector: digest?.description ?? "latest")
      }
      return manifest
    }
  }

  package func fetchBlob(_ descriptor: Descriptor, into writer: BlobWriter) async throws {
    try await workers.run(cancellable: { [self] cancellation in
      guard let file = try loaded().files[descriptor.digest] else {
        throw ImageError.blobNotFound(location: location, digest: descriptor.digest)
      }
      try file.forEachPiece {
        try cancellation.check()
        try writer.write($0)
      }
    })
  }

  private func loaded() throws -> Contents {
    try contents.withLock { contents in
      if let contents { return contents }
      let made = try makeContents()
      contents = made
      return made
    }
  }

  private func makeContents() throws -> Contents {
    let entry = try chosenEntry()
    let configurationFile = try file(named: entry.config)
    let configuration = try parsedConfiguration(configurationFile)
    let names = entry.layers ?? []
    guard names.count == configuration.diffIDs.count else {
      throw ImageError.layerCountMismatch(
        location: location, layers: names.count, diffIDs: configuration.diffIDs.count)
    }
    var files: [Digest: LayoutFile] = [:]
    var layers: [Descriptor] = []
    for (name, diffID) in zip(names, configuration.diffIDs) {
      let file = try file(named: name)
      let layer = try descriptor(of: file, diffID: diffID)
      files[layer.digest] = file
      layers.append(layer)
    }
    // Docker's format has no name for zstd.
    let format: ImageFormat = layers.contains { $0.mediaType == .ociLayerZstd } ? .oci : .docker
    let config = Descriptor(
      mediaType: format.configuration, digest: try digest(of: configurationFile),
      size: configurationFile.sizeInBytes)
    files[config.digest] = configurationFile
    let manifest = Manifest(
      mediaType: format.manifest, config: config,
      layers: layers.map { layer in
        var layer = layer
        layer.mediaType = format.layerType(like: layer.mediaType)
        return layer
      })
    return Contents(
      manifest: EncodedManifest(mediaType: format.manifest, bytes: try encodeJSON(manifest)),
      files: files)
  }

  private func chosenEntry() throws -> DockerArchiveEntry {
    let entries = try document([DockerArchiveEntry].self, in: file(named: "manifest.json"))
    let fitting = entries.filter { entry in
      guard let name else { return true }
      return (entry.repoTags ?? []).contains { ImageReference($0)?.description == name.description }
    }
    guard let entry = fitting.first else {
      throw ImageError.manifestNotFound(
        location: location, selector: name?.description ?? "latest")
    }
    guard fitting.count == 1 else {
      throw ImageError.ambiguousName(
        location: location, offered: entries.flatMap { $0.repoTags ?? [] })
    }
    return entry
  }

  private func file(named name: String) throws -> LayoutFile {
    guard let file = try archive.file(named: PathBytes(name)) else {
      throw ImageError.missingMember(file: archive.location, member: name)
    }
    return file
  }

  private func parsedConfiguration(_ file: LayoutFile) throws -> ImageConfiguration {
    do {
      return try ImageConfiguration(parsing: small(file))
    } catch let error as ContentError {
      throw ImageError.malformedConfiguration(location: location, problem: error.summary)
    }
  }

  private func document<Value: Decodable>(_ type: Value.Type, in file: LayoutFile) throws -> Value {
    do {
      return try decodeJSON(type, from: small(file))
    } catch let error as ContentError {
      throw ImageError.malformedManifest(location: location, problem: error.summary)
    }
  }

  private func small(_ file: LayoutFile) throws -> [UInt8] {
    let limit = ImageConfiguration.largestSizeInBytes
    guard file.sizeInBytes <= Int64(limit) else { throw ContentError.tooLarge(limit: limit) }
    return try file.prefix(limit)
  }

  /// An uncompressed layer's digest is its diff ID, which whoever fetches it checks; only a
  /// compressed one must be read for it.
  private func descriptor(of file: LayoutFile, diffID: Digest) throws -> Descriptor {
    let beginning = try file.prefix(4)
    let type: MediaType =
      if beginning.starts(with: [0x1F, 0x8B]) {
        .ociLayerGzip
      } else if beginning == [0x28, 0xB5, 0x2F, 0xFD] {
        .ociLayerZstd
      } else {
        .ociLayer
      }
    return Descriptor(
      mediaType: type, digest: type == .ociLayer ? diffID : try digest(of: file),
      size: file.sizeInBytes)
  }

  private func digest(of file: LayoutFile) throws -> Digest {
    var hasher = DigestHasher()
    try file.forEachPiece { hasher.update($0) }
    return hasher.finish()
  }
}
