// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import OCI
import Synchronization
import Testing

@testable import Registry

@Suite struct RegistryPushTests {
  private let local: TemporaryStore
  private let registry: TestRegistry

  init() throws {
    local = try TemporaryStore()
    registry = try TestRegistry()
  }

  @Test func `an image is pushed and pulled back the same`() async throws {
    let image = try makeImage(noise(2_500_000), in: local.store)
    let client = makeClient()
    try await push(
      image, from: local.store,
      to: RegistryDestination(try registry.reference("a/b:1"), client: client))
    let other = try TemporaryStore()
    let pulled = try await pull(
      RegistrySource(try registry.reference("a/b:1"), client: client), into: other)
    #expect(pulled == image.encodedManifest)
    #expect(other.store.contains(image.manifest.layers[0].digest))
  }

  @Test func `a second push sends no blob`() async throws {
    let image = try makeImage(noise(1000), in: local.store)
    for tag in ["1", "2"] {
      try await push(
        image, from: local.store,
        to: RegistryDestination(try registry.reference("a/b:\(tag)"), client: makeClient()))
    }
    #expect(registry.requests("PUT", "/blobs/").count == 2)
    #expect(registry.manifest("2", in: "a/b")?.bytes == image.encodedManifest.bytes)
  }

  @Test func `a blob of a neighbour is mounted, a blob from elsewhere is sent`() async throws {
    let image = try makeImage(noise(1000), in: local.store)
    let layer = image.manifest.layers[0]
    registry.put(blob: noise(1000), in: "base/image")
    let destination = RegistryDestination(
      try registry.reference("a/b:1"), client: makeClient())
    let foreign = try #require(ImageReference("docker.io/base/image"))
    #expect(try await !destination.hasBlob(layer, origin: foreign))
    #expect(try await !destination.hasBlob(layer, origin: try registry.reference("no/such")))
    #expect(registry.requests("DELETE", "/uploads/").count == 1)
    #expect(try await destination.hasBlob(layer, origin: try registry.reference("base/image")))
    #expect(registry.blob(layer.digest, in: "a/b") != nil)
    #expect(registry.requests("PUT", "/blobs/").isEmpty)
  }

  @Test func `a refused mount means that the blob is sent`() async throws {
    let image = try makeImage(noise(1000), in: local.store)
    registry.misbehave(.status(403), on: "POST", "/uploads/")
    let destination = RegistryDestination(try registry.reference("a/b:1"), client: makeClient())
    try await push(
      image, from: local.store, to: destination, origin: try registry.reference("base/image"))
    #expect(registry.manifest("1", in: "a/b") != nil)
  }

  @Test func `a foreign layer counts as present`() async throws {
    let destination = RegistryDestination(try registry.reference("a/b:1"), client: makeClient())
    let layer = Descriptor(mediaType: .dockerForeignLayer, digest: .of([1]), size: 1)
    #expect(try await destination.hasBlob(layer, origin: nil))
    #expect(registry.requests.isEmpty)
  }

  @Test func `a failed upload begins again with a session of its own`() async throws {
    let image = try makeImage(noise(50_000), in: local.store)
    registry.misbehave(.status(503), on: "PUT", "/blobs/uploads/")
    registry.misbehave(.closeAfter(bytes: 0), on: "POST", "/blobs/uploads/")
    let pauses = Pauses()
    let destination = RegistryDestination(
      try registry.reference("a/b:1"), client: makeClient(pauses: pauses))
    try await destination.putBlob(image.manifest.layers[0], from: local.store)
    #expect(registry.requests("PUT", "/blobs/uploads/").map(\.path).suffix(1) != [])
    #expect(Set(registry.requests("PUT", "/blobs/uploads/").map(\.path)).count == 2)
    #expect(registry.blob(image.manifest.layers[0].digest, in: "a/b") == noise(50_000))
    #expect(!pauses.durations.isEmpty)
  }

  @Test(arguments: ["/blobs/uploads/", "/manifests/"])
  func `a push that fails leaves no tag`(part: String) async throws {
    let image = try makeImage(noise(1000), in: local.store)
    registry.misbehave(
      .status(400, body: #"{"errors":[{"code":"TOOMANY","message":"quota"}]}"#), on: "PUT", part,
      times: .max)
    let destination = RegistryDestination(try registry.reference("a/b:1"), client: makeClient())
    do {
      try await push(image, from: local.store, to: destination)
      Issue.record("nothing was thrown")
    } catch let error as RegistryError {
      #expect(error.diagnostic.rendered().contains("TOOMANY: quota"))
    }
    #expect(registry.manifest("1", in: "a/b") == nil)
  }

  @Test func `a registry that stores another manifest is found out`() async throws {
    let image = try makeImage(noise(10), in: local.store)
    registry.misbehave(.wrongDigest, on: "PUT", "/manifests/")
    let destination = RegistryDestination(try registry.reference("a/b:1"), client: makeClient())
    await #expect(throws: RegistryError.self) {
      try await push(image, from: local.store, to: destination)
    }
  }

  @Test func `an image goes under its digest, and under no other`() async throws {
    let image = try makeImage(noise(10), in: local.store)
    let client = makeClient()
    let right = try registry.reference("a/b@\(image.digest)")
    try await push(image, from: local.store, to: RegistryDestination(right, client: client))
    #expect(registry.manifest(image.digest.description, in: "a/b") != nil)
    let wrong = try registry.reference("a/b@\(Digest.of([1]))")
    await #expect(throws: RegistryError.self) {
      try await push(image, from: local.store, to: RegistryDestination(wrong, client: client))
    }
  }

  @Test func `the right to push is checked without leaving anything`() async throws {
    try await RegistryDestination(try registry.reference("a/b:1"), client: makeClient()).checkPush()
    #expect(registry.requests.map(\.method) == ["GET", "POST", "DELETE"])
    let closed = try TestRegistry(.basic(username: "u", password: "p"))
    let destination = RegistryDestination(try closed.reference("a/b:1"), client: makeClient())
    do {
      try await destination.checkPush()
      Issue.record("nothing was thrown")
    } catch RegistryError.denied(let repository, .push, status: 401, let lookup, _) {
      #expect(repository.name == "a/b")
      #expect(lookup.keys.last == closed.authority)
    }
  }

  @Test func `a cancelled upload stops and leaves no blob`() async throws {
    let image = try makeImage(noise(100_000), in: local.store)
    registry.misbehave(.silence, on: "PUT", "/blobs/")
    let (sent, isSent) = AsyncStream.makeStream(of: Void.self)
    let destination = RegistryDestination(
      try registry.reference("a/b:1"), client: makeClient()
    ) { _ in isSent.yield() }
    let store = local.store
    let task = Task { try await destination.putBlob(image.manifest.layers[0], from: store) }
    for await _ in sent { break }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(registry.blob(image.manifest.layers[0].digest, in: "a/b") == nil)
  }

  @Test func `many blobs go up together, no more than allowed at once`() async throws {
    let client = makeClient { $0.parallelTransfers = 2 }
    let destination = RegistryDestination(try registry.reference("a/b:1"), client: client)
    let store = local.store
    let blobs = try (0..<12).map { number in
      let bytes = noise(20_000, seed: UInt64(number))
      return Descriptor(mediaType: .ociLayer, digest: try store.put(bytes), size: 20_000)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for blob in blobs { group.addTask { try await destination.putBlob(blob, from: store) } }
      try await group.waitForAll()
    }
    for blob in blobs { #expect(registry.blob(blob.digest, in: "a/b") != nil) }
  }
}
