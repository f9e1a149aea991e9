// SPDX-License-Identifier: Apache-2.0

import Images
import OCI

extension RegistryClient {
  /// Whether a repository has the blob.
  package func hasBlob(_ digest: Digest, in repository: RepositoryEndpoint) async throws -> Bool {
    if isKnown(digest, in: repository) { return true }
    var call = RegistryCall(.head, repository, .push, "blobs/\(digest)")
    call.accepted = [404]
    guard try await send(call).head.isSuccess else { return false }
    remember(digest, in: repository)
    return true
  }

  /// Asks the registry to take the blob from another of its repositories.
  ///
  /// - Returns: False when it would not, for whatever reason; then the blob has to be sent.
  package func mountBlob(
    _ digest: Digest, from origin: RepositoryEndpoint, in repository: RepositoryEndpoint
  ) async throws -> Bool {
    var call = RegistryCall(.post, repository, .push, "blobs/uploads/")
    call.query = [("mount", digest.description), ("from", origin.name)]
    call.scopes.append(.repository(origin.name, .pull))
    do {
      let response = try await send(call)
      if response.head.status == 201 {
        remember(digest, in: repository)
        return true
      }
      // An upload was opened instead.
      if let location = try? uploadLocation(response, call) {
        await cancelUpload(location, in: repository)
      }
      return false
    } catch let error as RegistryError {
      log.debug("blob was not mounted", ["reason": error.diagnostic.message])
      return false
    }
  }

  /// Sends a blob; the registry checks that `body` has this digest.
  package func putBlob(
    _ digest: Digest, _ body: HTTPBody, in repository: RepositoryEndpoint,
    onSent: (@Sendable (Int64) -> Void)? = nil
  ) async throws {
    try await transfers.run {
      try await repeating {
        let location = try await startUpload(in: repository, mayRetry: false)
        var call = RegistryCall(.put, repository, .push, "blobs/uploads/")
        guard let target = location.adding([("digest", digest.description)]) else {
          throw RegistryError.malformedAnswer(
            host: repository.registry, what: "an upload location cannot be extended")
        }
        call.target = target
        call.headers.add("content-type", "application/octet-stream")
        call.body = body
        call.isBulk = true
        call.mayRetry = false
        call.onSent = onSent
        let response = try await send(call)
        if let stored = contentDigest(response.head), stored.algorithm == digest.algorithm,
          stored != digest
        {
          throw RegistryError.digestMismatch(
            what: "a blob stored in \(repository)", expected: digest, actual: stored)
        }
      }
    }
    remember(digest, in: repository)
  }

  /// Opens an upload and gives it up again: whether we may push there.
  package func checkPush(to repository: RepositoryEndpoint) async throws {
    let location = try await startUpload(in: repository)
    await cancelUpload(location, in: repository)
  }

  /// Streams a blob into `writer`, going on where it stands. The caller checks the digest.
  package func fetchBlob(
    _ descriptor: Descriptor, from repository: RepositoryEndpoint, into writer: BlobWriter,
    onReceived: (@Sendable (Int64) -> Void)? = nil
  ) async throws {
    try await transfers.run {
      try await repeating(progress: { writer.sizeInBytes }) {
        try await fetchRest(of: descriptor, from: repository, into: writer, onReceived)
      }
    }
  }

  // MARK: Downloads

  private func fetchRest(
    of descriptor: Descriptor, from repository: RepositoryEndpoint, into writer: BlobWriter,
    _ onReceived: (@Sendable (Int64) -> Void)?
  ) async throws {
    if writer.sizeInBytes > 0, writer.sizeInBytes >= descriptor.size { return }
    let reception = BlobReception(descriptor, into: writer, onReceived)
    var call = RegistryCall(.get, repository, .pull, "blobs/\(descriptor.digest)")
    call.mayRetry = false
    call.isBulk = true
    call.accepted = [404, 416]
    if writer.sizeInBytes > 0 { call.headers.add("range", "bytes=\(writer.sizeInBytes)-") }
    let response = try await send(call) { head, bytes in try reception.take(head, bytes) }
    switch response.head.status {
    case 404: throw RegistryError.blobNotFound(repository, descriptor.digest)
    case 416:
      try writer.restart()
      throw RegistryError.broken(host: repository.registry, reason: "it cannot resume a transfer")
    default: break
    }
    guard writer.sizeInBytes >= descriptor.size else {
      throw RegistryError.broken(host: repository.registry, reason: "a blob ended early")
    }
  }

  // MARK: Uploads

  private func startUpload(in repository: RepositoryEndpoint, mayRetry: Bool = true) async throws
    -> HTTPURL
  {
    var call = RegistryCall(.post, repository, .push, "blobs/uploads/")
    call.mayRetry = mayRetry
    return try uploadLocation(try await send(call), call)
  }

  private func uploadLocation(_ response: HTTPResponse, _ call: RegistryCall) throws -> HTTPURL {
    guard response.head.status == 202, let location = response.head.headers["location"],
      let url = response.url.resolving(location)
    else {
      throw RegistryError.malformedAnswer(
        host: call.repository.registry, what: "it opens an upload but does not say where")
    }
    return url
  }

  private func cancelUpload(_ location: HTTPURL, in repository: RepositoryEndpoint) async {
    var call = RegistryCall(.delete, repository, .push, "blobs/uploads/")
    call.target = location
    call.mayRetry = false
    // Registries clean up by themselves; some refuse to be asked.
    _ = try? await send(call)
  }

  // MARK: Memory

  private func isKnown(_ digest: Digest, in repository: RepositoryEndpoint) -> Bool {
    knownBlobs.withLock { $0.contains("\(repository)@\(digest)") }
  }

  private func remember(_ digest: Digest, in repository: RepositoryEndpoint) {
    knownBlobs.withLock { _ = $0.insert("\(repository)@\(digest)") }
  }
}
