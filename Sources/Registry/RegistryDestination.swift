// SPDX-License-Identifier: Apache-2.0

import Images
import OCI

/// One name in a registry.
///
/// The tag moves with the last request of ``commit(_:)``; whatever fails before leaves it alone.
package final class RegistryDestination: ImageDestination {
  package let reference: ImageReference
  private let client: RegistryClient
  private let progress: TransferObserver?
  private let repository: RepositoryEndpoint

  package init(
    _ reference: ImageReference, client: RegistryClient, progress: TransferObserver? = nil
  ) {
    self.reference = reference
    self.client = client
    self.progress = progress
    self.repository = RepositoryEndpoint(reference)
  }

  package var location: String { reference.description }

  /// Finds out before the build whether its result may be pushed.
  package func checkPush() async throws { try await client.checkPush(to: repository) }

  /// Foreign layers count as present: they must not be pushed.
  package func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool {
    if descriptor.mediaType.isForeignLayer { return true }
    if try await client.hasBlob(descriptor.digest, in: repository) { return true }
    guard let origin, origin.registry == reference.registry,
      origin.repository != reference.repository
    else { return false }
    return try await client.mountBlob(
      descriptor.digest, from: RepositoryEndpoint(origin), in: repository)
  }

  package func putBlob(_ descriptor: Descriptor, from store: ContentStore) async throws {
    let file = BodyFile(try store.open(descriptor.digest))
    let size = try file.file.status().sizeInBytes
    guard size == descriptor.size else {
      throw ContentError.sizeMismatch(expected: descriptor.size, actual: size)
    }
    try await put(descriptor, .file(file, sizeInBytes: size))
  }

  package func commit(_ images: ImageSet) async throws {
    let selector = try selector(of: images)
    for image in images.images {
      let config = image.manifest.config
      if try await !client.hasBlob(config.digest, in: repository) {
        try await put(config, .bytes(image.encodedConfiguration))
      }
      // An index is refused before what it names is there.
      if images.index != nil {
        try await client.putManifest(
          image.encodedManifest, as: image.digest.description, in: repository)
      }
    }
    try await client.putManifest(images.top, as: selector, in: repository)
  }

  private func selector(of images: ImageSet) throws -> String {
    if let digest = reference.digest, digest != images.digest {
      throw RegistryError.digestMismatch(
        what: "the image for \(reference)", expected: digest, actual: images.digest)
    }
    return reference.tagOrLatest ?? images.digest.description
  }

  private func put(_ descriptor: Descriptor, _ body: HTTPBody) async throws {
    let progress = progress
    try await client.putBlob(descriptor.digest, body, in: repository) { sent in
      progress?(TransferProgress(descriptor: descriptor, bytesSoFar: sent, direction: .upload))
    }
  }
}
