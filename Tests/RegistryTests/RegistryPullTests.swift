// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import OCI
import Synchronization
import Testing

@testable import Registry

@Suite struct RegistryPullTests {
  private let local: TemporaryStore
  private let registry: TestRegistry

  init() throws {
    local = try TemporaryStore()
    registry = try TestRegistry()
  }

  private func blobDescriptor(_ bytes: [UInt8]) -> Descriptor {
    Descriptor(mediaType: .ociLayer, digest: .of(bytes), size: Int64(bytes.count))
  }

  private func fetch(_ blob: [UInt8], _ client: RegistryClient) async throws -> Digest {
    registry.put(blob: blob, in: "a/b")
    let source = RegistrySource(try registry.reference("a/b:1"), client: client)
    let writer = try local.store.makeWriter()
    try await source.fetchBlob(blobDescriptor(blob), into: writer)
    return try writer.commit(expecting: blobDescriptor(blob)).digest
  }

  @Test func `a blob that breaks off is resumed where it broke`() async throws {
    let blob = noise(700_000)
    registry.misbehave(.closeAfter(bytes: 300_000), on: "GET", "/blobs/")
    let pauses = Pauses()
    let digest = try await fetch(blob, makeClient(pauses: pauses))
    #expect(digest == Digest.of(blob))
    #expect(
      registry.requests("GET", "/blobs/").map { $0.headers["range"] } == [nil, "bytes=300000-"])
    #expect(pauses.durations == [.milliseconds(500)])
  }

  @Test func `a registry that ignores Range sends the blob from its beginning`() async throws {
    let blob = noise(700_000)
    registry.misbehave(.closeAfter(bytes: 300_000), on: "GET", "/blobs/")
    registry.misbehave(.ignoreRange, on: "GET", "/blobs/")
    #expect(try await fetch(blob, makeClient()) == Digest.of(blob))
  }

  @Test func `a blob that breaks off for ever fails after the last retry`() async throws {
    registry.misbehave(.closeAfter(bytes: 10), on: "GET", "/blobs/", times: .max)
    let client = makeClient { $0.retry.limit = 2 }
    do {
      _ = try await fetch(noise(5000), client)
      Issue.record("nothing was thrown")
    } catch RegistryError.broken {
    }
    #expect(registry.requests("GET", "/blobs/").count == 3)
  }

  @Test func `other bytes than the digest's never reach the store`() async throws {
    let blob = noise(1000)
    registry.misbehave(.wrongBytes, on: "GET", "/blobs/")
    await #expect(throws: ContentError.self) { try await fetch(blob, makeClient()) }
    #expect(!local.store.contains(.of(blob)))
  }

  @Test func `a blob longer than its descriptor is cut off`() async throws {
    let blob = noise(200_000)
    registry.put(blob: blob, in: "a/b")
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    var descriptor = blobDescriptor(blob)
    descriptor.size = 199_999
    let asked = descriptor
    let writer = try local.store.makeWriter()
    await #expect(
      throws: RegistryError.tooLarge(what: "the blob \(asked.digest)", limit: 199_999)
    ) { try await source.fetchBlob(asked, into: writer) }
  }

  @Test func `a missing blob and a missing manifest are told apart from failures`() async throws {
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    let writer = try local.store.makeWriter()
    let missing = blobDescriptor([1])
    let repository = RepositoryEndpoint(registry: registry.authority, name: "a/b")
    await #expect(throws: RegistryError.blobNotFound(repository, missing.digest)) {
      try await source.fetchBlob(missing, into: writer)
    }
    await #expect(throws: ImageError.manifestNotFound(location: "\(repository)", selector: "1")) {
      try await source.manifest(nil)
    }
  }

  @Test(arguments: [429, 500, 502, 503, 504])
  func `a busy registry is asked again`(status: Int) async throws {
    registry.put(manifest: Array(#"{"config":{}}"#.utf8), as: "1", in: "a/b")
    registry.misbehave(.status(status, retryAfter: 3), on: "GET", "/manifests/", times: 2)
    let pauses = Pauses()
    let source = RegistrySource(
      try registry.reference("a/b:1"), client: makeClient(pauses: pauses))
    _ = try await source.manifest(nil)
    #expect(pauses.durations == [.seconds(3), .seconds(3)])
  }

  @Test func `a registry that wants hours is not waited for`() async throws {
    registry.misbehave(.status(429, retryAfter: 3600), on: "GET", "/manifests/")
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    await #expect(
      throws: RegistryError.rateLimited(host: registry.authority, seconds: 3600)
    ) { try await source.manifest(nil) }
  }

  @Test func `a manifest must have the digest that was asked for or announced`() async throws {
    let bytes = Array(#"{"config":{}}"#.utf8)
    registry.put(manifest: bytes, as: "1", in: "a/b")
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    registry.misbehave(.wrongDigest, on: "GET", "/manifests/1")
    await #expect(throws: RegistryError.self) { try await source.manifest(nil) }
    registry.misbehave(.wrongBytes, on: "GET", "/manifests/sha256")
    await #expect(throws: RegistryError.self) { try await source.manifest(.of(bytes)) }
    #expect(try await source.manifest(.of(bytes)).bytes == bytes)
  }

  @Test func `a manifest above the limit is refused`() async throws {
    registry.put(
      manifest: [UInt8](repeating: 0x20, count: Manifest.largestSizeInBytes + 1), as: "1", in: "a/b"
    )
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    do {
      _ = try await source.manifest(nil)
      Issue.record("nothing was thrown")
    } catch RegistryError.tooLarge(_, let limit) {
      #expect(limit == 4 << 20)
    }
  }

  struct TypeCase: Sendable, CustomTestStringConvertible {
    var header: String
    var document: String
    var expected: MediaType?
    var testDescription: String { "\(header) \(document)" }
  }

  @Test(arguments: [
    TypeCase(
      header: "application/vnd.oci.image.index.v1+json; charset=utf-8", document: "{}",
      expected: .ociIndex),
    TypeCase(
      header: "text/plain",
      document: #"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#,
      expected: .dockerManifest),
    TypeCase(header: "application/json", document: #"{"manifests":[]}"#, expected: .ociIndex),
    TypeCase(header: "application/json", document: #"{"config":{}}"#, expected: .ociManifest),
    TypeCase(header: "application/json", document: "{}", expected: nil),
    TypeCase(
      header: "application/vnd.oci.image.index.v1+json", document: #"{"manifests":[],"layers":[]}"#,
      expected: nil),
    TypeCase(
      header: "application/vnd.oci.image.index.v1+json",
      document: #"{"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#, expected: nil),
    TypeCase(
      header: "application/vnd.docker.distribution.manifest.v1+prettyjws",
      document: #"{"schemaVersion":1}"#, expected: nil),
    TypeCase(
      header: "application/vnd.oci.image.manifest.v1+json", document: "<html>", expected: nil),
  ])
  func `a manifest has one media type that is understood`(_ c: TypeCase) async throws {
    registry.put(
      manifest: Array(c.document.utf8), MediaType(rawValue: c.header), as: "1", in: "a/b")
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    #expect((try? await source.manifest(nil))?.mediaType == c.expected)
  }

  @Test func `a redirect is followed without our credentials`() async throws {
    let storage = try TestRegistry()
    let blob = noise(1000)
    storage.put(blob: blob, in: "a/b")
    let guarded = try TestRegistry(.basic(username: "u", password: "p"))
    guarded.put(blob: blob, in: "a/b")
    guarded.misbehave(
      .redirect(to: "http://\(storage.authority)/v2/a/b/blobs/\(Digest.of(blob))?signature=x"),
      on: "GET", "/blobs/")
    let client = makeClient(credentials(guarded.authority, "u", "p"))
    let repository = RepositoryEndpoint(registry: guarded.authority, name: "a/b")
    #expect(try await client.hasBlob(.of(blob), in: repository))
    let writer = try local.store.makeWriter()
    try await client.fetchBlob(blobDescriptor(blob), from: repository, into: writer)
    try writer.commit(expecting: blobDescriptor(blob))
    #expect(guarded.requests("GET", "/blobs/").first?.headers["authorization"] != nil)
    let request = try #require(storage.requests("GET", "/blobs/").first)
    #expect(request.headers["authorization"] == nil)
    #expect(request["signature"] == "x")
  }

  @Test func `redirects in a circle end`() async throws {
    registry.misbehave(.redirect(to: "/v2/a/b/manifests/1"), on: "GET", "/manifests/", times: .max)
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient())
    await #expect(throws: RegistryError.self) { try await source.manifest(nil) }
    #expect(registry.requests("GET", "/manifests/").count == 11)
  }

  @Test func `progress counts up to the size of the blob`() async throws {
    let blob = noise(900_000)
    registry.put(blob: blob, in: "a/b")
    let seen = Mutex<[Int64]>([])
    let source = RegistrySource(try registry.reference("a/b:1"), client: makeClient()) { progress in
      seen.withLock { $0.append(progress.bytesSoFar) }
    }
    let writer = try local.store.makeWriter()
    try await source.fetchBlob(blobDescriptor(blob), into: writer)
    let all = seen.withLock { $0 }
    #expect(all.last == 900_000)
    #expect(all == all.sorted())
  }

  @Test func `an unreachable registry is named with its port`() async throws {
    let source = RegistrySource(
      try #require(ImageReference("127.0.0.1:1/a:1")), client: makeClient { $0.retry.limit = 1 })
    do {
      _ = try await source.manifest(nil)
      Issue.record("nothing was thrown")
    } catch RegistryError.unreachable(let host, _) {
      #expect(host == "127.0.0.1:1")
    }
  }

  @Test func `mirrors are asked in order, then the original`() async throws {
    let first = try TestRegistry()
    let bytes = Array(#"{"config":{}}"#.utf8)
    registry.put(manifest: bytes, as: "12", in: "hub/library/debian")
    let blob = noise(100)
    registry.put(blob: blob, in: "hub/library/debian")
    let client = makeClient { options in
      options.mirrors = [first.authority, "\(registry.authority)/hub"].compactMap {
        RegistryMirror($0)
      }
      options.fallsBackToOriginal = false
    }
    let source = RegistrySource(try #require(ImageReference("debian:12")), client: client)
    #expect(try await source.manifest(nil).bytes == bytes)
    let writer = try local.store.makeWriter()
    try await source.fetchBlob(blobDescriptor(blob), into: writer)
    #expect(first.requests("GET", "/library/debian/manifests/12").count == 1)
    // The mirror that had the manifest is asked first for the blob.
    #expect(first.requests("GET", "/blobs/").isEmpty)
  }
}
