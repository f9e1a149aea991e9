// SPDX-License-Identifier: Apache-2.0

import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

@Suite struct ImageResolverTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
  }

  /// Resolves what lies in the store under `digest`, served as a layout.
  private func resolve(_ manifest: EncodedManifest, for platform: Platform = .host) async throws
    -> ResolvedImage
  {
    try store.put(manifest.bytes)
    let index = ImageIndex(manifests: [manifest.descriptor])
    try directory.write("store/index.json", encodeJSON(index))
    let source = LayoutSource(directory: store.directory, name: nil, workers: workers)
    return try await ImageResolver(fetcher: BlobFetcher(store: try directory.store("other")))
      .resolve(source, platform: platform)
  }

  private func put(_ sample: Sample) throws -> Descriptor {
    try store.put(sample.image.encodedConfiguration)
    try store.put(sample.image.encodedManifest.bytes)
    var descriptor = sample.image.encodedManifest.descriptor
    descriptor.platform = sample.image.configuration.platform
    return descriptor
  }

  private func encoded(_ index: ImageIndex) throws -> EncodedManifest {
    EncodedManifest(mediaType: .ociIndex, bytes: try encodeJSON(index))
  }

  @Test func `an index leads to the manifest of the platform`() async throws {
    let samples = try [("amd64", nil), ("arm64", nil), ("arm", "v6"), ("arm", "v7")].map {
      try Sample(
        in: store, texts: ["\($0)"],
        platform: Platform(os: "linux", architecture: $0.0, variant: $0.1))
    }
    let index = try encoded(ImageIndex(manifests: samples.map(put)))
    for sample in samples {
      let found = try await resolve(index, for: sample.image.configuration.platform)
      #expect(found.image == sample.image)
      #expect(found.nameDigest == index.digest)
      #expect(found.layers.map(\.diffID) == sample.image.configuration.diffIDs)
    }
    let wanted = Platform(os: "windows", architecture: "amd64")
    await #expect {
      try await resolve(index, for: wanted)
    } throws: { error in
      guard let diagnostic = (error as? ImageError)?.diagnostic else { return false }
      return diagnostic.message.contains("windows/amd64")
        && diagnostic.notes.joined().contains("linux/amd64, linux/arm64, linux/arm/v6")
    }
  }

  @Test func `indexes may be nested, but not without end`() async throws {
    let sample = try Sample(in: store)
    var index = try encoded(ImageIndex(manifests: [put(sample)]))
    for depth in 1...5 {
      if depth < 4 {
        #expect(try await resolve(index).image == sample.image)
      }
      try store.put(index.bytes)
      index = try encoded(ImageIndex(manifests: [index.descriptor]))
    }
    await #expect(throws: ImageError.self) { try await resolve(index) }
  }

  struct Refused: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var manifest: String
    /// What the message must say.
    var problem: String
  }

  private static let digest = "sha256:" + String(repeating: "a", count: 64)
  private static let config =
    #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":2}"#
  private static func layers(_ type: String, size: String = "1") -> String {
    #"{"schemaVersion":2,\#(config),"layers":[{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size)}]}"#
  }

  static let refused: [Refused] = [
    Refused(testDescription: "not JSON", manifest: "hello", problem: "not JSON"),
    Refused(testDescription: "a list", manifest: "[]", problem: "malformed"),
    Refused(testDescription: "an empty object", manifest: "{}", problem: "missing"),
    Refused(
      testDescription: "schema 1", manifest: #"{"schemaVersion":1,"fsLayers":[]}"#,
      problem: "schema 1"),
    Refused(
      testDescription: "signed schema 1",
      manifest:
        #"{"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws"}"#,
      problem: "v1+prettyjws"),
    Refused(
      testDescription: "manifest and index at once",
      manifest: #"{"schemaVersion":2,\#(config),"layers":[],"manifests":[]}"#, problem: "at once"),
    Refused(
      testDescription: "index that says manifest",
      manifest:
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
      problem: "not the"),
    Refused(
      testDescription: "unknown media type",
      manifest: #"{"schemaVersion":2,"mediaType":"text/plain","layers":[]}"#, problem: "text/plain"),
    Refused(
      testDescription: "empty index",
      manifest:
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
      problem: "not available"),
    Refused(
      testDescription: "digest with dots",
      manifest: #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:../..","size":2}}"#,
      problem: "not valid"),
    Refused(
      testDescription: "a chart",
      manifest:
        #"{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"\#(digest)","size":2},"layers":[]}"#,
      problem: "not a container image"),
    Refused(
      testDescription: "foreign layer", manifest: layers(MediaType.dockerForeignLayer.rawValue),
      problem: "not distributed"),
    Refused(
      testDescription: "encrypted layer",
      manifest: layers(MediaType.ociLayerGzip.rawValue + "+encrypted"), problem: "encrypted"),
    Refused(
      testDescription: "negative size",
      manifest: layers(MediaType.ociLayer.rawValue, size: "-1"), problem: "negative"),
    Refused(
      testDescription: "size as text",
      manifest: layers(MediaType.ociLayer.rawValue, size: "\"1\""), problem: "wrong type"),
    Refused(
      testDescription: "size beyond 64 bits",
      manifest: layers(MediaType.ociLayer.rawValue, size: "99999999999999999999"),
      problem: "malformed"),
    Refused(
      testDescription: "configuration that is not there",
      manifest: layers(MediaType.ociLayer.rawValue), problem: "lacks the blob"),
    Refused(
      testDescription: "huge configuration",
      manifest:
        #"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":99999999999},"layers":[]}"#,
      problem: "more than"),
  ]

  @Test(arguments: refused)
  func `a manifest is refused with its reason`(_ c: Refused) async throws {
    let manifest = EncodedManifest(mediaType: .ociManifest, bytes: Array(c.manifest.utf8))
    await #expect {
      _ = try await resolve(manifest)
    } throws: { error in
      (error as? ImageError)?.diagnostic.message.contains(c.problem) ?? false
    }
  }

  @Test(arguments: [
    (#"{"rootfs":{"diff_ids":[]}}"#, "its manifest has 2 layers"),
    ("{}", "its manifest has 2 layers"),
    ("[]", "malformed"),
    (#"{"rootfs":{"diff_ids":["x","y"]}}"#, "malformed"),
    (#"{"config":{"Env":"PATH"}}"#, "malformed"),
  ])
  func `a configuration is refused with its reason`(_ text: String, problem: String) async throws {
    var manifest = try Sample(in: store).image.manifest
    let bytes = Array(text.utf8)
    manifest.config.digest = try store.put(bytes)
    manifest.config.size = Int64(bytes.count)
    let encoded = EncodedManifest(mediaType: .ociManifest, bytes: try encodeJSON(manifest))
    await #expect {
      _ = try await resolve(encoded)
    } throws: { error in
      (error as? ImageError)?.diagnostic.message.contains(problem) ?? false
    }
  }

  @Test func `a manifest without media type is known by its looks`() async throws {
    for format in [ImageFormat.oci, .docker] {
      let sample = try Sample(in: store, format: format)
      _ = try put(sample)
      var manifest = sample.image.manifest
      manifest.mediaType = nil
      let bytes = try encodeJSON(manifest)
      #expect(
        try EncodedManifest(checking: bytes, location: "x").mediaType == format.manifest)
    }
    #expect(
      try EncodedManifest(checking: encodeJSON(ImageIndex(manifests: [])), location: "x").mediaType
        == .ociIndex)
  }

  @Test func `a manifest above 4 MiB is refused`() {
    let bytes = [UInt8](repeating: 0x20, count: Manifest.largestSizeInBytes + 1)
    #expect(throws: ImageError.self) { try EncodedManifest(checking: bytes, location: "x") }
  }
}
