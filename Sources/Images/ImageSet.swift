// SPDX-License-Identifier: Apache-2.0

import OCI

/// What a name leads to: one image, or an index of images for several platforms.
///
/// OCI image-spec v1.1, image-index.md.
package struct ImageSet: Hashable, Sendable {
  /// At least one.
  package let images: [Image]
  /// Absent for an image that stands by itself.
  package let index: EncodedManifest?

  package init(_ image: Image) {
    images = [image]
    index = nil
  }

  /// An index of `images`, in their order.
  ///
  /// - Parameters:
  ///   - platforms: What each is for; nil takes what their configurations say.
  ///   - annotations: Of the index.
  ///   - format: Of the index; nil for Docker's where all images are Docker's.
  package init(
    indexing images: [Image], for platforms: [Platform]? = nil,
    annotations: [String: String]? = nil, format: ImageFormat? = nil
  ) throws {
    let platforms = platforms ?? images.map(\.configuration.platform)
    precondition(!images.isEmpty && platforms.count == images.count, "an index needs images")
    self.images = images
    let isDocker = images.allSatisfy { $0.format == .docker }
    let entries = zip(images, platforms).map { image, platform in
      var descriptor = image.encodedManifest.descriptor
      descriptor.platform = platform
      return descriptor
    }
    let mediaType = (format ?? (isDocker ? .docker : .oci)).index
    index = EncodedManifest(
      mediaType: mediaType,
      bytes: try encodeJSON(
        ImageIndex(mediaType: mediaType, manifests: entries, annotations: annotations)))
  }

  /// What the name is moved to.
  package var top: EncodedManifest { index ?? images[0].encodedManifest }

  package var digest: Digest { top.digest }

  /// Manifests and configurations, each once, what others name before what names it.
  package var documents: [(digest: Digest, bytes: [UInt8])] {
    var seen: Set<Digest> = []
    var all = images.flatMap { image in
      [
        (digest: image.manifest.config.digest, bytes: image.encodedConfiguration),
        (digest: image.digest, bytes: image.encodedManifest.bytes),
      ]
    }
    if let index { all.append((digest: index.digest, bytes: index.bytes)) }
    return all.filter { seen.insert($0.digest).inserted }
  }

  package var sizeInBytes: Int64 { images.reduce(0) { $0 + $1.sizeInBytes } }
}

extension ImageDestination {
  package func commit(_ image: Image) async throws { try await commit(ImageSet(image)) }
}
