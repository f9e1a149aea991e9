// SPDX-License-Identifier: Apache-2.0

import OCI

/// A manifest or index as it is stored: the digest is of these bytes, never of a re-encoding.
package struct EncodedManifest: Hashable, Sendable {
  package var mediaType: MediaType
  package var bytes: [UInt8]
  package var digest: Digest

  package init(mediaType: MediaType, bytes: [UInt8]) {
    self.mediaType = mediaType
    self.bytes = bytes
    self.digest = Digest.of(bytes)
  }

  package var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
  }
}

/// One image for one platform: its manifest and configuration, decoded and as stored.
package struct Image: Hashable, Sendable {
  package var manifest: Manifest
  package var configuration: ImageConfiguration
  package var encodedManifest: EncodedManifest
  package var encodedConfiguration: [UInt8]

  package init(
    manifest: Manifest, configuration: ImageConfiguration, encodedManifest: EncodedManifest,
    encodedConfiguration: [UInt8]
  ) {
    self.manifest = manifest
    self.configuration = configuration
    self.encodedManifest = encodedManifest
    self.encodedConfiguration = encodedConfiguration
  }

  package var digest: Digest { encodedManifest.digest }
  package var format: ImageFormat {
    encodedManifest.mediaType == .dockerManifest ? .docker : .oci
  }
  /// Compressed layers and configuration.
  package var sizeInBytes: Int64 { manifest.layers.reduce(manifest.config.size) { $0 + $1.size } }
}

extension Image {
  /// Encodes a new image: `configuration` with `layers` (lowest first; their diff IDs are already in it).
  package init(
    configuration: ImageConfiguration, layers: [Descriptor], format: ImageFormat,
    annotations: [String: String]? = nil
  ) throws {
    let configurationBytes = try configuration.encoded()
    let manifest = Manifest(
      mediaType: format.manifest,
      config: Descriptor(
        mediaType: format.configuration, digest: .of(configurationBytes),
        size: Int64(configurationBytes.count)),
      layers: layers.map { layer in
        var layer = layer
        layer.mediaType = format.layerType(like: layer.mediaType)
        return layer
      },
      annotations: annotations)
    self.init(
      manifest: manifest, configuration: configuration,
      encodedManifest: EncodedManifest(
        mediaType: format.manifest, bytes: try encodeJSON(manifest)),
      encodedConfiguration: configurationBytes)
  }
}
