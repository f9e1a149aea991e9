// SPDX-License-Identifier: Apache-2.0

import OCI

extension EncodedManifest {
  /// What tells the kinds of manifests apart where no media type does.
  private struct Outline: Decodable {
    var schemaVersion: Int?
    var mediaType: String?
    var config: JSONValue?
    var layers: JSONValue?
    var manifests: JSONValue?
    var fsLayers: JSONValue?
  }

  /// Bytes from outside. Their own media type counts first, then the `declared` one, then their
  /// looks.
  ///
  /// - Throws: ``ImageError`` for Docker's schema 1, other documents, and documents that could be
  ///   read as manifest and as index: tools would disagree about what they are.
  package init(checking bytes: [UInt8], declared: MediaType? = nil, location: String) throws {
    guard bytes.count <= Manifest.largestSizeInBytes else {
      throw ImageError.malformedManifest(
        location: location, problem: "it has more than \(Manifest.largestSizeInBytes) bytes")
    }
    let outline: Outline
    do {
      outline = try decodeJSON(Outline.self, from: bytes)
    } catch let error as ContentError {
      throw ImageError.malformedManifest(location: location, problem: error.summary)
    }
    guard outline.schemaVersion != 1, outline.fsLayers == nil else {
      throw ImageError.unsupportedManifest(
        location: location, mediaType: outline.mediaType ?? "Docker image manifest, schema 1")
    }
    guard outline.manifests == nil || (outline.layers == nil && outline.config == nil) else {
      throw ImageError.malformedManifest(
        location: location, problem: "it is a manifest and an index at once")
    }
    let type =
      outline.mediaType.map(MediaType.init(rawValue:)) ?? Self.usable(declared)
      ?? Self.sniffed(outline)
    guard type.isManifest || type.isIndex else {
      throw ImageError.unsupportedManifest(location: location, mediaType: type.rawValue)
    }
    guard type.isIndex == (outline.manifests != nil) else {
      throw ImageError.malformedManifest(
        location: location, problem: "it is not the \"\(type)\" it says to be")
    }
    self.init(mediaType: type, bytes: bytes)
  }

  /// What registries say may be as vague as `application/json`.
  private static func usable(_ declared: MediaType?) -> MediaType? {
    declared.flatMap { $0.isManifest || $0.isIndex ? $0 : nil }
  }

  private static func sniffed(_ outline: Outline) -> MediaType {
    if outline.manifests != nil { return .ociIndex }
    let config = outline.config?["mediaType"]?.string
    return config == MediaType.dockerConfiguration.rawValue ? .dockerManifest : .ociManifest
  }
}
