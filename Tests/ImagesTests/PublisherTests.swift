// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import Synchronization
import TestSupport
import Testing

@testable import Images

/// A source that counts what is asked of it.
private final class CountingSource: ImageSource {
  let inner: LayoutSource
  let fetches = Mutex<[Digest: Int]>([:])

  init(_ inner: LayoutSource) { self.inner = inner }

  var location: String { inner.location }

  func manifest(_ digest: Digest?) async throws -> EncodedManifest {
    try await inner.manifest(digest)
  }

  func fetchBlob(_ descriptor: Descriptor, into writer: BlobWriter) async throws {
    fetches.withLock { $0[descriptor.digest, default: 0] += 1 }
    try await inner.fetchBlob(descriptor, into: writer)
  }
}

@Suite struct PublisherTests {
  private let directory: TemporaryDirectory
  private let sample: Sample
  private let source: CountingSource
  private let fetcher: BlobFetcher

  init() async throws {
    directory = try TemporaryDirectory()
    let store = try directory.store("origin")
    sample = try Sample(in: store, texts: (0..<12).map { "text \($0)" })
    let layout = directory.appending("layout")
    try await sample.write(
      to: LayoutDestination(directory: layout, name: nil, workers: workers), from: store)
    source = CountingSource(LayoutSource(directory: layout, name: nil, workers: workers))
    fetcher = BlobFetcher(store: try directory.store("fetched"))
  }

  private func layout(_ name: String) -> LayoutDestination {
    LayoutDestination(directory: directory.appending(name), name: nil, workers: workers)
  }

  private var size: Int64 { sample.layers.reduce(0) { $0 + $1.descriptor.size } }

  @Test(arguments: [0, 1, 4, 100])
  func `each blob is fetched once for all destinations, at any width`(_ width: Int) async throws {
    let found = try await ImageResolver(fetcher: fetcher).resolve(source, platform: .host)
    let done = try await Publisher(fetcher: fetcher, width: width).publish(
      found.image, layers: found.layers,
      to: [
        layout("a"), layout("b"),
        LayoutArchiveDestination(
          file: directory.appending("c.tar"), name: nil, workers: workers),
      ])
    #expect(done.map(\.sentBlobs) == [12, 12, 12])
    #expect(done.map(\.sentBytes) == [size, size, size])
    #expect(done.map(\.presentBlobs) == [0, 0, 0])
    #expect(source.fetches.withLock { $0.values.allSatisfy { $0 == 1 } && $0.count == 13 })
  }

  @Test func `the second time nothing is fetched or sent`() async throws {
    let found = try await ImageResolver(fetcher: fetcher).resolve(source, platform: .host)
    let publisher = Publisher(fetcher: fetcher)
    _ = try await publisher.publish(found.image, layers: found.layers, to: [layout("a")])
    source.fetches.withLock { $0 = [:] }
    let done = try await publisher.publish(found.image, layers: found.layers, to: [layout("a")])
    #expect(done[0].sentBlobs == 0)
    #expect(done[0].presentBlobs == 12)
    #expect(done[0].presentBytes == size)
    #expect(source.fetches.withLock { $0.isEmpty })
  }

  @Test func `a layer nobody has ends it before any name is moved`() async throws {
    let found = try await ImageResolver(fetcher: fetcher).resolve(source, platform: .host)
    var layers = found.layers
    layers[11].source = nil
    await #expect(throws: ImageError.layerUnavailable(layers[11].descriptor.digest)) {
      try await Publisher(fetcher: fetcher).publish(
        found.image, layers: layers, to: [layout("a"), layout("b")])
    }
    #expect(!exists(directory.appending("a/index.json")))
    #expect(!exists(directory.appending("b/index.json")))
  }

  @Test func `a layer whose size the manifest misstates is refused, stored or not`() async throws {
    var layer = LayerReference(
      descriptor: sample.layers[0].descriptor, diffID: sample.layers[0].diffID, source: source)
    layer.descriptor.size += 1
    let wrong = layer
    let problem = ImageError.corruptBlob(
      location: source.location, digest: layer.diffID,
      problem: .sizeMismatch(expected: layer.descriptor.size, actual: layer.descriptor.size - 1))
    await #expect(throws: problem) { try await fetcher.fetch(wrong) }
    layer.descriptor.size -= 1
    try await fetcher.fetch(layer)
    await #expect(throws: problem) { try await fetcher.fetch(wrong) }
  }

  @Test func `an image without layers is published everywhere`() async throws {
    let empty = try Sample(in: fetcher.store, texts: [])
    let name = try #require(ImageReference("app:1"))
    for text in ["oci:", "oci-archive:", "docker-archive:", "store:"] {
      let place =
        text == "store:"
        ? name.description
        : directory.appending("x" + text.dropLast())
          .description
      let location = try ImageLocation(parsing: text + place)
      let destination = try #require(
        location.destination(store: fetcher.store, workers: workers))
      try await empty.write(to: destination, from: fetcher.store)
      let source = try #require(
        try await location.source(store: fetcher.store, workers: workers))
      let found = try await ImageResolver(fetcher: fetcher).resolve(source, platform: .host)
      #expect(found.image.configuration == empty.image.configuration)
      #expect(found.layers.isEmpty)
    }
  }

  @Test func `many who want one blob fetch it once`() async throws {
    let layer = LayerReference(
      descriptor: sample.layers[0].descriptor, diffID: sample.layers[0].diffID, source: source)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { try await fetcher.fetch(layer) } }
      try await group.waitForAll()
    }
    #expect(source.fetches.withLock { $0 == [layer.descriptor.digest: 1] })
  }

  @Test func `who waits for a fetch that fails tries again`() async throws {
    let digest = sample.layers[0].descriptor.digest
    let path = directory.appending("layout").appending(blobName(digest))
    try removeFile(path)
    let layer = LayerReference(
      descriptor: sample.layers[0].descriptor, diffID: digest, source: source)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 { group.addTask { (try? await fetcher.fetch(layer)) == nil } }
      for await failed in group { #expect(failed) }
    }
    #expect(source.fetches.withLock { $0 == [digest: 5] })
    try directory.write(
      "layout/blobs/sha256/\(digest.hex)", layerBytes("file0", "text 0"))
    try await fetcher.fetch(layer)
    #expect(fetcher.store.contains(digest))
  }
}
