// SPDX-License-Identifier: Apache-2.0

import OCI

/// Where an image can be read: one name in a registry, a layout, an archive or the local store.
package protocol ImageSource: Sendable {
  /// For messages: `docker.io/library/debian:12`, `oci:build/out`.
  var location: String { get }

  /// The manifest or index behind the name, or the one with `digest`; verified against `digest`.
  ///
  /// - Throws: ``ImageError/manifestNotFound(location:selector:)`` when there is none.
  func manifest(_ digest: Digest?) async throws -> EncodedManifest

  /// Streams a blob into `writer`, which hashes it; the caller commits the writer and so checks it.
  func fetchBlob(_ descriptor: Descriptor, into writer: BlobWriter) async throws
}

/// Where an image can be written, under one or more names.
package protocol ImageDestination: Sendable {
  /// For messages.
  var location: String { get }

  /// Whether the blob is there already, or could be brought there without sending bytes (a mount
  /// from `origin`, a repository of the same registry).
  func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool

  /// Stores a blob that lies complete in `store`.
  func putBlob(_ descriptor: Descriptor, from store: ContentStore) async throws

  /// Stores configurations, manifests and index and moves the names; called once, after every layer
  /// was put. Nothing is visible under the names before.
  func commit(_ images: ImageSet) async throws
}

/// A layer of an image that is being built, and where its bytes are.
package struct LayerReference: Sendable {
  package var descriptor: Descriptor
  package var diffID: Digest
  /// Where the bytes can be fetched when the content store lacks them; absent for layers made here.
  package var source: (any ImageSource)?
  /// The repository the layer came from, for mounts.
  package var origin: ImageReference?

  package init(
    descriptor: Descriptor, diffID: Digest, source: (any ImageSource)? = nil,
    origin: ImageReference? = nil
  ) {
    self.descriptor = descriptor
    self.diffID = diffID
    self.source = source
    self.origin = origin
  }
}
