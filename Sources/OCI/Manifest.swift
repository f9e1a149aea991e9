// SPDX-License-Identifier: Apache-2.0

/// Points at content: kind, digest, size.
///
/// OCI image-spec v1.1, descriptor.md.
package struct Descriptor: Hashable, Sendable, Codable {
  package var mediaType: MediaType
  package var digest: Digest
  package var size: Int64
  package var urls: [String]?
  package var annotations: [String: String]?
  package var platform: Platform?
  package var artifactType: String?

  package init(
    mediaType: MediaType, digest: Digest, size: Int64, annotations: [String: String]? = nil,
    platform: Platform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.annotations = annotations
    self.platform = platform
  }
}

extension Digest: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a digest")
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// One image for one platform: a configuration and layers, lowest first.
///
/// OCI image-spec v1.1, manifest.md; Docker Image Manifest V2, Schema 2.
package struct Manifest: Hashable, Sendable, Codable {
  package var schemaVersion = 2
  package var mediaType: MediaType?
  package var artifactType: String?
  package var config: Descriptor
  package var layers: [Descriptor]
  package var annotations: [String: String]?
  package var subject: Descriptor?

  package init(
    mediaType: MediaType, config: Descriptor, layers: [Descriptor],
    annotations: [String: String]? = nil
  ) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }

  /// Manifests of registries and archives may not be larger; the distribution spec's own limit.
  package static let largestSizeInBytes = 4 << 20
}

/// Several manifests under one name, usually one a platform.
///
/// OCI image-spec v1.1, image-index.md; Docker's manifest list.
package struct ImageIndex: Hashable, Sendable, Codable {
  package var schemaVersion = 2
  package var mediaType: MediaType?
  package var manifests: [Descriptor]
  package var annotations: [String: String]?

  package init(
    mediaType: MediaType = .ociIndex, manifests: [Descriptor],
    annotations: [String: String]? = nil
  ) {
    self.mediaType = mediaType
    self.manifests = manifests
    self.annotations = annotations
  }

  /// The first manifest for `platform`; attestations (`unknown/unknown`) never match.
  package func manifest(for platform: Platform) -> Descriptor? {
    let offered = manifests.filter { $0.platform.map(platform.accepts) ?? false }
    // Several variants may do: the one spelt the same is meant.
    return offered.first { $0.platform?.variant == platform.variant } ?? offered.first
  }
}
