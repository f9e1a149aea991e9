// SPDX-License-Identifier: Apache-2.0

import Images
import OCI

extension RegistryClient {
  private static let manifestTypes: [MediaType] = [
    .ociManifest, .ociIndex, .dockerManifest, .dockerManifestList,
  ]

  private static let accept = manifestTypes.map(\.rawValue).joined(separator: ", ")

  /// Fetches a manifest or index by tag or digest.
  ///
  /// - Parameter expected: What its bytes must hash to; a tag's are checked against the registry's
  ///   own `Docker-Content-Digest`.
  /// - Returns: Nil when there is none.
  package func manifest(
    _ selector: String, in repository: RepositoryEndpoint, expected: Digest?
  ) async throws -> EncodedManifest? {
    var call = RegistryCall(.get, repository, .pull, "manifests/\(selector)")
    call.headers.add("accept", Self.accept)
    call.accepted = [404]
    call.longestResponseInBytes = Manifest.largestSizeInBytes
    let response = try await send(call)
    if response.head.status == 404 { return nil }
    let what = "the manifest of \(repository) (\(selector))"
    for digest in [expected, contentDigest(response.head)].compactMap(\.self) {
      try check(response.body, against: digest, what: what)
    }
    let type = try mediaType(of: response, in: repository)
    return EncodedManifest(mediaType: type, bytes: response.body)
  }

  /// What a tag or digest points at, without fetching it.
  ///
  /// - Returns: Nil when there is none, or when the registry does not say its digest.
  package func manifestDescriptor(_ selector: String, in repository: RepositoryEndpoint)
    async throws -> Descriptor?
  {
    var call = RegistryCall(.head, repository, .pull, "manifests/\(selector)")
    call.headers.add("accept", Self.accept)
    call.accepted = [404]
    let head = try await send(call).head
    guard head.isSuccess, let digest = contentDigest(head),
      let size = head.headers["content-length"].flatMap({ Int64($0) }),
      let type = contentType(head)
    else { return nil }
    return Descriptor(mediaType: type, digest: digest, size: size)
  }

  /// Stores a manifest under a tag or its digest; whatever it refers to must be there.
  package func putManifest(
    _ manifest: EncodedManifest, as selector: String, in repository: RepositoryEndpoint
  ) async throws {
    var call = RegistryCall(.put, repository, .push, "manifests/\(selector)")
    call.headers.add("content-type", manifest.mediaType.rawValue)
    call.body = .bytes(manifest.bytes)
    let response = try await send(call)
    guard let stored = contentDigest(response.head), stored.algorithm == .sha256,
      stored != manifest.digest
    else { return }
    throw RegistryError.digestMismatch(
      what: "the manifest stored as \(repository) (\(selector))", expected: manifest.digest,
      actual: stored)
  }

  private func check(_ bytes: [UInt8], against expected: Digest, what: String) throws {
    let actual = Digest.of(bytes, algorithm: expected.algorithm)
    guard actual == expected else {
      throw RegistryError.digestMismatch(what: what, expected: expected, actual: actual)
    }
  }

  /// The header's type; registries that serve files as they are leave it to the document.
  private func mediaType(of response: HTTPResponse, in repository: RepositoryEndpoint) throws
    -> MediaType
  {
    let announced = contentType(response.head)
    guard let document = try? JSONValue(parsing: response.body), document.object != nil else {
      throw RegistryError.malformedAnswer(host: repository.registry, what: "a manifest is not JSON")
    }
    let written = document["mediaType"]?.string.map(MediaType.init(rawValue:))
    let known = [announced, written].compactMap(\.self).filter(Self.manifestTypes.contains)
    // One document that is both could be read as two different images.
    let isAmbiguous =
      known.count == 2 && known[0] != known[1]
      || document["manifests"] != nil && document["layers"] != nil
    guard !isAmbiguous else {
      throw RegistryError.malformedAnswer(
        host: repository.registry, what: "a manifest has two media types")
    }
    if let type = known.first { return type }
    if announced?.rawValue.contains("manifest.v1") != true, written == nil {
      if document["manifests"]?.array != nil { return .ociIndex }
      if document["config"]?.object != nil { return .ociManifest }
    }
    throw RegistryError.unsupportedManifest(
      repository, mediaType: (written ?? announced)?.rawValue ?? "")
  }
}

/// `Docker-Content-Digest`, which despite its name is OCI's as well.
func contentDigest(_ head: ResponseHead) -> Digest? {
  head.headers["docker-content-digest"].flatMap { Digest($0) }
}

private func contentType(_ head: ResponseHead) -> MediaType? {
  head.headers["content-type"].map { MediaType(rawValue: trimmed($0.prefix { $0 != ";" })) }
}
