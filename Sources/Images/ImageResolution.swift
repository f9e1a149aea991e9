// SPDX-License-Identifier: Apache-2.0

import OCI

/// An image as a source offers it for one platform; its layers are not fetched yet.
package struct ResolvedImage: Sendable {
  package var image: Image
  /// Lowest first.
  package var layers: [LayerReference]
  /// Of what the name leads to: the index where there is one, else the manifest.
  package var nameDigest: Digest

  package init(image: Image, layers: [LayerReference], nameDigest: Digest) {
    self.image = image
    self.layers = layers
    self.nameDigest = nameDigest
  }
}

/// Finds images in sources. Only manifests and configurations are fetched.
package struct ImageResolver: Sendable {
  private static let deepestIndex = 4

  private let fetcher: BlobFetcher

  package init(fetcher: BlobFetcher) { self.fetcher = fetcher }

  /// Resolves a source's name: through an index the manifest for `platform`, a lone manifest
  /// whatever its platform is (the configuration says).
  ///
  /// - Parameter origin: The repository behind `source`, for mounts.
  /// - Throws: ``ImageError`` for what is missing, malformed, corrupt or not supported.
  package func resolve(
    _ source: any ImageSource, platform: Platform, origin: ImageReference? = nil
  ) async throws -> ResolvedImage {
    let named = try await source.manifest(nil)
    let chosen = try await manifest(for: platform, in: named, of: source)
    let manifest = try Manifest(chosen, location: source.location)
    try manifest.checkParts(location: source.location)
    let bytes = try await configurationBytes(manifest.config, of: source)
    let configuration = try ImageConfiguration(checking: bytes, location: source.location)
    guard configuration.diffIDs.count == manifest.layers.count else {
      throw ImageError.layerCountMismatch(
        location: source.location, layers: manifest.layers.count,
        diffIDs: configuration.diffIDs.count)
    }
    return ResolvedImage(
      image: Image(
        manifest: manifest, configuration: configuration, encodedManifest: chosen,
        encodedConfiguration: bytes),
      layers: zip(manifest.layers, configuration.diffIDs).map {
        LayerReference(descriptor: $0, diffID: $1, source: source, origin: origin)
      },
      nameDigest: named.digest)
  }

  /// The platforms that an index offers, in its order, attestations left out, and its annotations;
  /// nil for a lone manifest.
  package func offer(of source: any ImageSource) async throws
    -> (platforms: [Platform], annotations: [String: String])?
  {
    let named = try await source.manifest(nil)
    guard named.mediaType.isIndex else { return nil }
    let index = try ImageIndex(named, location: source.location)
    let platforms = index.manifests.compactMap(\.platform).filter { $0.os != "unknown" }
    return (platforms, index.annotations ?? [:])
  }

  private func manifest(
    for platform: Platform, in named: EncodedManifest, of source: any ImageSource
  ) async throws -> EncodedManifest {
    var manifest = named
    for _ in 0..<Self.deepestIndex {
      // Not every source checks what it hands on.
      manifest = try EncodedManifest(
        checking: manifest.bytes, declared: manifest.mediaType, location: source.location)
      guard manifest.mediaType.isIndex else { return manifest }
      let entry = try ImageIndex(manifest, location: source.location)
        .entry(for: platform, location: source.location)
      manifest = try await fetchedManifest(entry, of: source)
    }
    throw ImageError.indexesTooDeep(location: source.location)
  }

  private func fetchedManifest(_ entry: Descriptor, of source: any ImageSource) async throws
    -> EncodedManifest
  {
    var found = try await source.manifest(entry.digest)
    let actual = Digest.of(found.bytes, algorithm: entry.digest.algorithm)
    guard actual == entry.digest else {
      throw ImageError.corruptBlob(
        location: source.location, digest: entry.digest,
        problem: .digestMismatch(expected: entry.digest, actual: actual))
    }
    guard entry.size == Int64(found.bytes.count) else {
      throw ImageError.corruptBlob(
        location: source.location, digest: entry.digest,
        problem: .sizeMismatch(expected: entry.size, actual: Int64(found.bytes.count)))
    }
    if !found.mediaType.isIndex && !found.mediaType.isManifest { found.mediaType = entry.mediaType }
    return found
  }

  private func configurationBytes(_ config: Descriptor, of source: any ImageSource) async throws
    -> [UInt8]
  {
    let limit = ImageConfiguration.largestSizeInBytes
    guard config.size <= Int64(limit) else {
      throw ImageError.corruptBlob(
        location: source.location, digest: config.digest, problem: .tooLarge(limit: limit))
    }
    try await fetcher.fetch(config, from: source)
    let bytes = try fetcher.store.bytes(of: config.digest, limit: limit)
    guard Int64(bytes.count) == config.size else {
      throw ImageError.corruptBlob(
        location: source.location, digest: config.digest,
        problem: .sizeMismatch(expected: config.size, actual: Int64(bytes.count)))
    }
    return bytes
  }
}

extension ImageConfiguration {
  /// More than any real one has; they are held in memory.
  package static let largestSizeInBytes = 16 << 20

  fileprivate init(checking bytes: [UInt8], location: String) throws {
    do {
      try self.init(parsing: bytes)
    } catch let error as ContentError {
      throw ImageError.malformedConfiguration(location: location, problem: error.summary)
    }
  }
}

extension Manifest {
  /// - Throws: ``ImageError/malformedManifest(location:problem:)``.
  package init(_ encoded: EncodedManifest, location: String) throws {
    do {
      self = try decodeJSON(Manifest.self, from: encoded.bytes)
    } catch let error as ContentError {
      throw ImageError.malformedManifest(location: location, problem: error.summary)
    }
  }

  private static let configurationTypes: Set<String> = [
    MediaType.ociConfiguration.rawValue, MediaType.dockerConfiguration.rawValue,
    // What early versions of Docker pushed.
    "application/octet-stream",
  ]
  private static let layerTypes: Set<String> = [
    MediaType.ociLayer.rawValue, MediaType.ociLayerGzip.rawValue, MediaType.ociLayerZstd.rawValue,
    MediaType.dockerLayer.rawValue, MediaType.dockerLayerGzip.rawValue,
    MediaType.dockerLayer.rawValue + ".zstd",
  ]

  fileprivate func checkParts(location: String) throws {
    guard artifactType == nil, Self.configurationTypes.contains(config.mediaType.rawValue) else {
      throw ImageError.notAContainerImage(
        location: location, mediaType: artifactType ?? config.mediaType.rawValue)
    }
    for layer in layers {
      if layer.mediaType.isForeignLayer {
        throw ImageError.foreignLayer(location: location, digest: layer.digest)
      }
      guard Self.layerTypes.contains(layer.mediaType.rawValue) else {
        throw ImageError.unsupportedLayer(
          location: location, digest: layer.digest, mediaType: layer.mediaType.rawValue)
      }
    }
    guard layers.allSatisfy({ $0.size >= 0 }), config.size >= 0 else {
      throw ImageError.malformedManifest(location: location, problem: "a size is negative")
    }
  }
}

extension ImageIndex {
  /// - Throws: ``ImageError/malformedManifest(location:problem:)``.
  package init(_ encoded: EncodedManifest, location: String) throws {
    do {
      self = try decodeJSON(ImageIndex.self, from: encoded.bytes)
    } catch let error as ContentError {
      throw ImageError.malformedManifest(location: location, problem: error.summary)
    }
  }

  /// What to go on with: the manifest for `platform`, or the only entry of an index without
  /// platforms (a manifest, or a nested index).
  fileprivate func entry(for platform: Platform, location: String) throws -> Descriptor {
    if let manifest = manifest(for: platform) { return manifest }
    if manifests.count == 1, manifests[0].platform == nil { return manifests[0] }
    throw ImageError.platformNotOffered(
      location: location, wanted: platform,
      offered: manifests.compactMap(\.platform).filter { $0.os != "unknown" })
  }
}
