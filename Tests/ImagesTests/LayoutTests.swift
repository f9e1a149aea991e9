// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Images

@Suite struct LayoutTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore
  private let out: PathBytes

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
    out = directory.appending("a/b/out")
  }

  private func resolve(_ source: any ImageSource) async throws -> Image {
    let other = try directory.store("other")
    return try await ImageResolver(fetcher: BlobFetcher(store: other))
      .resolve(source, platform: .host).image
  }

  private func destination(_ name: String? = nil) -> LayoutDestination {
    LayoutDestination(directory: out, name: name, workers: workers)
  }

  private func source(_ name: String? = nil) -> LayoutSource {
    LayoutSource(directory: out, name: name, workers: workers)
  }

  @Test(arguments: [ImageFormat.oci, .docker])
  func `an image comes back as it was written`(_ format: ImageFormat) async throws {
    let sample = try Sample(in: store, format: format)
    try await sample.write(to: destination(), from: store)
    let found = try await resolve(source())
    #expect(found == sample.image)
    let other = try directory.store("other")
    let fetcher = BlobFetcher(store: other)
    let resolved = try await ImageResolver(fetcher: fetcher).resolve(source(), platform: .host)
    for layer in resolved.layers {
      try await fetcher.fetch(layer)
      #expect(other.contains(layer.diffID))
    }
    #expect(try names(inDirectory: out) == ["blobs", "index.json", "oci-layout"])
    #expect(try names(inDirectory: out.appending("blobs/sha256")).count == 4)
  }

  @Test func `without a name the layout holds the last image only`() async throws {
    try await Sample(in: store, texts: ["x"]).write(to: destination("old"), from: store)
    let sample = try Sample(in: store, texts: ["y"])
    try await sample.write(to: destination(), from: store)
    let index = try LayoutDirectory(path: out).readIndex()
    #expect(index.count == 1)
    #expect(index.names.isEmpty)
    #expect(try await resolve(source()) == sample.image)
  }

  @Test func `with a name the others stay`() async throws {
    let first = try Sample(in: store, texts: ["x"])
    let second = try Sample(in: store, texts: ["y"])
    try await first.write(to: destination("1"), from: store)
    try await first.write(to: destination("2"), from: store)
    try await second.write(to: destination("2"), from: store)
    #expect(try await resolve(source("1")) == first.image)
    #expect(try await resolve(source("2")) == second.image)
    await #expect(throws: ImageError.ambiguousName(location: "oci:\(out)", offered: ["1", "2"])) {
      try await resolve(source())
    }
    await #expect(throws: ImageError.manifestNotFound(location: "oci:\(out):3", selector: "3")) {
      try await resolve(source("3"))
    }
  }

  @Test func `the local store is written and read by name`() async throws {
    let name = try #require(ImageReference("app:1"))
    let other = try directory.store("local")
    let sample = try Sample(in: store)
    let destination = StoreDestination(store: other, names: [name], workers: workers)
    try await sample.write(to: destination, from: store)
    #expect(try other.names() == [name])
    #expect(
      try await resolve(LayoutSource(store: other, name: name, workers: workers)) == sample.image)
  }

  @Test func `no folder, no index and no layout are told apart from no image`() async throws {
    await #expect(throws: ImageError.self) { try await resolve(source()) }
    try directory.write("a/b/out/index.json", #"{"manifests":[]}"#)
    await #expect(throws: ImageError.manifestNotFound(location: "oci:\(out)", selector: "latest")) {
      try await resolve(source())
    }
    try directory.write("a/b/out/index.json", #"{"manifests":[1]}"#)
    await #expect(throws: ImageError.self) { try await resolve(source()) }
  }

  @Test func `a blob that was tampered with is refused and not stored`() async throws {
    let sample = try Sample(in: store)
    try await sample.write(to: destination(), from: store)
    let layer = sample.layers[0].descriptor
    let path = out.appending("blobs/sha256").appending(layer.digest.hex)
    try directory.write(
      "a/b/out/blobs/sha256/\(layer.digest.hex)", [UInt8](repeating: 1, count: Int(layer.size)))
    let other = try directory.store("other")
    let fetcher = BlobFetcher(store: other)
    let resolved = try await ImageResolver(fetcher: fetcher).resolve(source(), platform: .host)
    await #expect {
      try await fetcher.fetch(resolved.layers[0])
    } throws: { error in
      guard case .corruptBlob(_, layer.digest, .digestMismatch)? = error as? ImageError else {
        return false
      }
      return true
    }
    #expect(!other.contains(layer.digest))
    #expect(try names(inDirectory: other.scratch).isEmpty)
    try removeFile(path)
    await #expect(
      throws: ImageError.blobNotFound(location: "oci:\(out)", digest: layer.digest)
    ) {
      try await fetcher.fetch(resolved.layers[0])
    }
  }

  @Test func `a manifest that was tampered with is refused`() async throws {
    let sample = try Sample(in: store)
    try await sample.write(to: destination(), from: store)
    try directory.write("a/b/out/blobs/sha256/\(sample.image.digest.hex)", "{}")
    await #expect {
      try await resolve(source())
    } throws: { error in
      guard case .corruptBlob(_, sample.image.digest, .digestMismatch)? = error as? ImageError
      else { return false }
      return true
    }
  }

  @Test func `names set by parallel writers are all kept`() async throws {
    let sample = try Sample(in: store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask { try await sample.write(to: destination("\(number)"), from: store) }
      }
      try await group.waitForAll()
    }
    #expect(try LayoutDirectory(path: out).readIndex().names.sorted() == (0..<8).map(String.init))
  }

  @Test func `several platforms without names are one index`() async throws {
    let images = try ["amd64", "arm64"].map {
      try Sample(
        in: store, texts: [$0], platform: Platform(os: "linux", architecture: $0))
    }
    for sample in images { try await sample.write(to: destination(), from: store) }
    let index = ImageIndex(
      manifests: images.map { sample in
        var descriptor = sample.image.encodedManifest.descriptor
        descriptor.platform = sample.image.configuration.platform
        return descriptor
      })
    try directory.write("a/b/out/index.json", encodeJSON(index))
    let resolver = ImageResolver(fetcher: BlobFetcher(store: try directory.store("other")))
    for sample in images {
      let platform = sample.image.configuration.platform
      #expect(try await resolver.resolve(source(), platform: platform).image == sample.image)
    }
    let wanted = Platform(os: "linux", architecture: "s390x")
    await #expect(
      throws: ImageError.platformNotOffered(
        location: "oci:\(out)", wanted: wanted,
        offered: images.map(\.image.configuration.platform))
    ) { try await resolver.resolve(source(), platform: wanted) }
  }
}
