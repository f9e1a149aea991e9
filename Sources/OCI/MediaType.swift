// SPDX-License-Identifier: Apache-2.0

/// The kind of a blob or manifest. Unknown ones are carried, not refused.
///
/// OCI image-spec v1.1, media-types.md; Docker Image Manifest V2, Schema 2.
package struct MediaType: Hashable, Sendable, RawRepresentable, Codable, CustomStringConvertible {
  package var rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }

  package init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  package var description: String { rawValue }

  package static let ociManifest = MediaType(
    rawValue: "application/vnd.oci.image.manifest.v1+json")
  package static let ociIndex = MediaType(rawValue: "application/vnd.oci.image.index.v1+json")
  package static let ociConfiguration = MediaType(
    rawValue: "application/vnd.oci.image.config.v1+json")
  package static let ociLayer = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar")
  package static let ociLayerGzip = MediaType(
    rawValue: "application/vnd.oci.image.layer.v1.tar+gzip")
  package static let ociLayerZstd = MediaType(
    rawValue: "application/vnd.oci.image.layer.v1.tar+zstd")

  package static let dockerManifest = MediaType(
    rawValue: "application/vnd.docker.distribution.manifest.v2+json")
  package static let dockerManifestList = MediaType(
    rawValue: "application/vnd.docker.distribution.manifest.list.v2+json")
  package static let dockerConfiguration = MediaType(
    rawValue: "application/vnd.docker.container.image.v1+json")
  package static let dockerLayer = MediaType(
    rawValue: "application/vnd.docker.image.rootfs.diff.tar")
  package static let dockerLayerGzip = MediaType(
    rawValue: "application/vnd.docker.image.rootfs.diff.tar.gzip")
  package static let dockerForeignLayer = MediaType(
    rawValue: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")

  package var isIndex: Bool { self == .ociIndex || self == .dockerManifestList }
  package var isManifest: Bool { self == .ociManifest || self == .dockerManifest }

  /// Layers that must not be pushed: Docker's foreign and OCI's non-distributable ones.
  package var isForeignLayer: Bool {
    self == .dockerForeignLayer || rawValue.contains(".nondistributable.")
  }
}

/// The two spellings of one image: which media types its parts carry.
package enum ImageFormat: String, Hashable, Sendable {
  case oci, docker

  package var manifest: MediaType { self == .oci ? .ociManifest : .dockerManifest }
  package var configuration: MediaType {
    self == .oci ? .ociConfiguration : .dockerConfiguration
  }
  package var index: MediaType { self == .oci ? .ociIndex : .dockerManifestList }
  package var gzipLayer: MediaType { self == .oci ? .ociLayerGzip : .dockerLayerGzip }
  package var plainLayer: MediaType { self == .oci ? .ociLayer : .dockerLayer }

  /// The same layer under this format's name; zstd exists only in OCI's.
  package func layerType(like type: MediaType) -> MediaType {
    switch type {
    case .ociLayerGzip, .dockerLayerGzip: gzipLayer
    case .ociLayer, .dockerLayer: plainLayer
    default: type
    }
  }
}
