// SPDX-License-Identifier: Apache-2.0

import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import caisson

@Suite struct IndexCommandTests {
  private let directory: TemporaryDirectory
  private let workers = WorkerThreads(count: 1)

  init() throws { directory = try TemporaryDirectory() }

  private func place(_ name: String) -> String { "oci:\(directory.appending(name)):x" }

  private func layout(_ name: String) -> LayoutDestination {
    LayoutDestination(directory: directory.appending(name), name: "x", workers: workers)
  }

  private func image(_ architecture: String) throws -> Image {
    let platform = Platform(os: "linux", architecture: architecture)
    return try Image(
      configuration: ImageConfiguration(platform: platform), layers: [], format: .oci)
  }

  private func run(_ line: String) async throws -> Digest {
    let words = ["caisson", "image", "index"] + line.split(separator: " ").map(String.init)
    guard
      case .index(let query) = try Invocation(
        words + ["--store", directory.appending("store").description], machine)
    else { throw ImageError.malformedLocation(line, problem: "it is another command") }
    let writer = try IndexWriter(query, log: .silent)
    defer { writer.close() }
    return try await writer.write()
  }

  private func index(_ name: String) async throws -> JSONValue {
    let source = LayoutSource(directory: directory.appending(name), name: "x", workers: workers)
    return try JSONValue(parsing: try await source.manifest(nil).bytes)
  }

  private func architectures(_ index: JSONValue) -> [String?] {
    index["manifests"]?.array?.map { $0["platform"]?["architecture"]?.string } ?? []
  }

  /// A layout whose name leads to an index of nothing.
  private func writeEmptyIndex(_ name: String) throws {
    let bytes = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex.rawValue)","manifests":[]}"#
    let digest = Digest.of(Array(bytes.utf8))
    try directory.write("\(name)/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    try directory.write("\(name)/blobs/sha256/\(digest.hex)", bytes)
    try directory.write(
      "\(name)/index.json",
      #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(MediaType.ociIndex.rawValue)","#
        + #""digest":"\#(digest)","size":\#(bytes.utf8.count),"#
        + #""annotations":{"org.opencontainers.image.ref.name":"x"}}]}"#)
  }

  @Test func `what is appended to keeps its images and annotations`() async throws {
    try await layout("one").commit(image("amd64"))
    try await layout("two").commit(image("arm64"))
    _ = try await run(
      "create \(place("out")) --from \(place("one")) --annotation kept=a --annotation new=a")
    let digest = try await run(
      "append \(place("out")) --from \(place("two")) --annotation new=b")
    let index = try await index("out")
    #expect(architectures(index) == ["amd64", "arm64"])
    #expect(index["annotations"]?["kept"]?.string == "a")
    #expect(index["annotations"]?["new"]?.string == "b")
    let source = LayoutSource(directory: directory.appending("out"), name: "x", workers: workers)
    #expect(try await source.manifest(nil).digest == digest)
  }

  @Test func `a new index has only the annotations that are asked for`() async throws {
    try await layout("one").commit(image("amd64"))
    _ = try await run("create \(place("a")) --from \(place("one")) --annotation old=a")
    _ = try await run("create \(place("b")) --from \(place("a"))")
    let index = try await index("b")
    #expect(architectures(index) == ["amd64"])
    #expect(index["annotations"] == nil)
  }

  @Test func `an index of nothing is refused as a source, and can be appended to`() async throws {
    try writeEmptyIndex("empty")
    try await layout("one").commit(image("arm64"))
    await #expect(throws: ImageError.noImages(location: place("empty"))) {
      try await run("create \(place("out")) --from \(place("empty"))")
    }
    _ = try await run("append \(place("empty")) --from \(place("one"))")
    #expect(architectures(try await index("empty")) == ["arm64"])
  }
}
