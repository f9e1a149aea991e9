// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import OCI
import Synchronization

/// One image in a registry, or in one of the mirrors that stand before it.
package final class RegistrySource: ImageSource {
  package let reference: ImageReference
  private let client: RegistryClient
  private let progress: TransferObserver?
  private let endpoints: [RepositoryEndpoint]
  /// The endpoint that gave the manifest is asked first for the blobs.
  private let preferred = Mutex<RepositoryEndpoint?>(nil)

  package init(
    _ reference: ImageReference, client: RegistryClient, progress: TransferObserver? = nil
  ) {
    self.reference = reference
    self.client = client
    self.progress = progress
    self.endpoints = RepositoryEndpoint.candidates(for: reference, options: client.options)
  }

  package var location: String { reference.description }

  package func manifest(_ digest: Digest?) async throws -> EncodedManifest {
    let expected = digest ?? reference.digest
    let selector = expected?.description ?? reference.manifestSelector
    let (manifest, endpoint) = try await firstAnswer { endpoint in
      guard
        let manifest = try await self.client.manifest(selector, in: endpoint, expected: expected)
      else {
        throw ImageError.manifestNotFound(location: endpoint.description, selector: selector)
      }
      return manifest
    }
    preferred.withLock { $0 = endpoint }
    return manifest
  }

  package func fetchBlob(_ descriptor: Descriptor, into writer: BlobWriter) async throws {
    let observer = progress.map { progress in
      { @Sendable (bytes: Int64) in
        progress(
          TransferProgress(descriptor: descriptor, bytesSoFar: bytes, direction: .download))
      }
    }
    _ = try await firstAnswer { endpoint in
      try await self.client.fetchBlob(
        descriptor, from: endpoint, into: writer, onReceived: observer)
    }
  }

  /// Asks one endpoint after the other; the last one's error is thrown.
  private func firstAnswer<Answer: Sendable>(
    _ ask: (RepositoryEndpoint) async throws -> Answer
  ) async throws -> (Answer, RepositoryEndpoint) {
    let first = preferred.withLock { $0 }
    let order = endpoints.filter { $0 == first } + endpoints.filter { $0 != first }
    for endpoint in order.dropLast() {
      do {
        return (try await ask(endpoint), endpoint)
      } catch let error as any DiagnosticConvertible
        where error is RegistryError || error is ImageError
      {
        client.log.warn(
          "mirror has no answer",
          ["mirror": endpoint.description, "reason": error.diagnostic.message])
      }
    }
    guard let last = order.last else {
      throw ImageError.manifestNotFound(
        location: reference.name, selector: reference.manifestSelector)
    }
    return (try await ask(last), last)
  }
}
