// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// Why an image could not be read or written. `location` is that of the source or destination.
package enum ImageError: Error, Hashable, Sendable {
  case manifestNotFound(location: String, selector: String)
  case ambiguousName(location: String, offered: [String])
  case platformNotOffered(location: String, wanted: Platform, offered: [Platform])
  case malformedManifest(location: String, problem: String)
  /// Docker's first schema, or a media type nobody knows.
  case unsupportedManifest(location: String, mediaType: String)
  case indexesTooDeep(location: String)
  /// An index of nothing, or of what names no platform.
  case noImages(location: String)
  case malformedConfiguration(location: String, problem: String)
  /// An artifact of another kind: a chart, a signature, a policy.
  case notAContainerImage(location: String, mediaType: String)
  case foreignLayer(location: String, digest: Digest)
  case unsupportedLayer(location: String, digest: Digest, mediaType: String)
  case layerCountMismatch(location: String, layers: Int, diffIDs: Int)
  case blobNotFound(location: String, digest: Digest)
  case corruptBlob(location: String, digest: Digest, problem: ContentError)
  /// The content store lacks a layer and nobody knows where to fetch it.
  case layerUnavailable(Digest)
  case notALayout(directory: String, problem: String)
  case malformedArchive(file: String, problem: String)
  case compressedArchive(file: String)
  case missingMember(file: String, member: String)
  case malformedLocation(String, problem: String)
  /// A place for one image was given an index.
  case severalImages(location: String)
}
