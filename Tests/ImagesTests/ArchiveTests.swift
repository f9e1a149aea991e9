// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Images

@Suite struct ArchiveTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore
  private let file: PathBytes

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
    file = directory.appending("out/image.tar")
    try makeDirectories(file.parent)
  }

  private func references(_ names: String...) -> [ImageReference] {
    names.compactMap { ImageReference($0) }
  }

  private func resolve(_ source: any ImageSource) async throws -> ResolvedImage {
    try await ImageResolver(fetcher: BlobFetcher(store: try directory.store("other")))
      .resolve(source, platform: .host)
  }

  private func dockerSource(_ name: String? = nil) async throws -> DockerArchiveSource {
    try await DockerArchiveSource(
      file: file, name: name.flatMap { ImageReference($0) }, workers: workers)
  }

  @Test func `an OCI archive gives back what was written`() async throws {
    let sample = try Sample(in: store)
    let destination = LayoutArchiveDestination(file: file, name: "v1", workers: workers)
    try await sample.write(to: destination, from: store)
    for name in ["v1", nil] {
      let source = try await LayoutSource(archive: file, name: name, workers: workers)
      #expect(try await resolve(source).image == sample.image)
    }
    let source = try await LayoutSource(archive: file, name: "v2", workers: workers)
    await #expect(throws: ImageError.self) { try await resolve(source) }
    #expect(try names(inDirectory: file.parent) == ["image.tar"])
  }

  @Test func `a Docker archive gives back layers and configuration, under each name`() async throws
  {
    let sample = try Sample(in: store, format: .docker)
    try await sample.write(
      to: DockerArchiveDestination(
        file: file, names: references("app:1", "localhost:5000/x/y"), workers: workers),
      from: store)
    for name in ["app:1", "docker.io/library/app:1", "localhost:5000/x/y:latest", nil] {
      let found = try await resolve(try await dockerSource(name))
      #expect(found.image == sample.image)
    }
    let other = try await dockerSource("app:2")
    await #expect(throws: ImageError.self) { try await resolve(other) }
    let fetcher = BlobFetcher(store: try directory.store("other"))
    for layer in try await resolve(try await dockerSource()).layers {
      try await fetcher.fetch(layer)
    }
  }

  @Test func `the members of a Docker archive are called as kaniko calls them`() async throws {
    let sample = try Sample(in: store)
    try await sample.write(
      to: DockerArchiveDestination(file: file, names: references("app"), workers: workers),
      from: store)
    let archive = try ArchiveReader(file)
    let bytes = try #require(try archive.file(named: "manifest.json")?.prefix(10_000))
    let entry = try #require(try decodeJSON([DockerArchiveEntry].self, from: bytes).first)
    #expect(entry.config == sample.image.manifest.config.digest.description)
    #expect(entry.repoTags == ["docker.io/library/app:latest"])
    #expect(entry.layers == sample.layers.map { $0.descriptor.digest.hex + ".tar" })
    #expect(
      try archive.file(named: PathBytes(entry.config))?.prefix(10_000)
        == sample.image.encodedConfiguration)
  }

  @Test func `equal images give equal archives`() async throws {
    let sample = try Sample(in: store, texts: ["b", "a", "c"])
    var archives: [[UInt8]] = []
    for _ in 0..<2 {
      try await sample.write(
        to: DockerArchiveDestination(file: file, names: references("app"), workers: workers),
        from: store)
      archives.append(try contents(of: file))
      try await sample.write(
        to: LayoutArchiveDestination(file: file, name: nil, workers: workers), from: store)
      archives.append(try contents(of: file))
    }
    #expect(archives[0] == archives[2])
    #expect(archives[1] == archives[3])
  }

  @Test func `a layer that occurs twice is stored once`() async throws {
    let sample = try Sample(in: store)
    let layer = sample.layers[0]
    var configuration = sample.image.configuration
    configuration.diffIDs = [layer.diffID, layer.diffID]
    let image = try Image(
      configuration: configuration, layers: [layer.descriptor, layer.descriptor], format: .oci)
    for destination: any ImageDestination in [
      DockerArchiveDestination(file: file, names: [], workers: workers),
      LayoutArchiveDestination(file: file, name: nil, workers: workers),
    ] {
      let publications = try await Publisher(fetcher: BlobFetcher(store: store))
        .publish(image, layers: [layer, layer], to: [destination])
      #expect(publications[0].sentBlobs == 1)
      _ = try ArchiveReader(file)
    }
  }

  @Test func `a failure leaves the old file and nothing else`() async throws {
    try directory.write("out/image.tar", "old")
    let sample = try Sample(in: store)
    let destination = DockerArchiveDestination(file: file, names: [], workers: workers)
    try await destination.putBlob(sample.layers[0].descriptor, from: store)
    await #expect(throws: ImageError.layerUnavailable(sample.layers[1].descriptor.digest)) {
      try await destination.commit(sample.image)
    }
    #expect(try names(inDirectory: file.parent) == ["image.tar"])
    #expect(try contents(of: file) == Array("old".utf8))
  }

  @Test func `a target that is no regular file is not replaced`() async throws {
    let sample = try Sample(in: store)
    let target = try directory.write("out/target", "a longer text than the archive has? no")
    #expect(target.withCString { old in file.withCString { symlink(old, $0) } } == 0)
    try await sample.write(
      to: DockerArchiveDestination(file: file, names: [], workers: workers), from: store)
    #expect(try FileStatus(of: file).kind == .symbolicLink)
    _ = try ArchiveReader(target)
    await #expect(throws: SystemError.self) {
      try await sample.write(
        to: DockerArchiveDestination(file: file.parent, names: [], workers: workers), from: store)
    }
  }

  @Test func `a cancelled archive leaves nothing`() async throws {
    let sample = try Sample(in: store)
    let destination = DockerArchiveDestination(file: file, names: [], workers: workers)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await sample.write(to: destination, from: store)
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try names(inDirectory: file.parent).isEmpty)
  }

  @Test func `layers of older archives may be links to one another`() async throws {
    let layer = layerBytes("f", "x")
    var configuration = ImageConfiguration(platform: .host)
    configuration.diffIDs = [.of(layer), .of(layer)]
    try directory.write(
      "out/image.tar",
      tar([
        .directory("one"), .file("one/layer.tar", layer), .file("one/VERSION", "1.0"),
        .directory("two"), .link("two/layer.tar", to: "../one/layer.tar"),
        .file("config.json", try configuration.encoded()),
        .file(
          "manifest.json",
          #"[{"Config":"config.json","RepoTags":null,"Layers":["one/layer.tar","two/layer.tar"]}]"#),
        .file("repositories", "{}"),
      ]))
    let found = try await resolve(try await dockerSource())
    #expect(found.image.format == .docker)
    #expect(found.layers.map(\.descriptor.digest) == configuration.diffIDs)
    #expect(found.layers.map(\.descriptor.mediaType) == [.dockerLayer, .dockerLayer])
  }

  struct Broken: Sendable, CustomTestStringConvertible {
    var manifest: String
    var problem: String
    var testDescription: String { manifest }
  }

  @Test(arguments: [
    Broken(manifest: "{}", problem: "wrong type"),
    Broken(manifest: "[]", problem: "no image"),
    Broken(manifest: "[1]", problem: "wrong type"),
    Broken(manifest: #"[{"Layers":[]}]"#, problem: "Config"),
    Broken(manifest: #"[{"Config":7}]"#, problem: "wrong type"),
    Broken(manifest: #"[{"Config":"nowhere","Layers":[]}]"#, problem: "nowhere"),
    Broken(manifest: #"[{"Config":"../config.json","Layers":[]}]"#, problem: "../config.json"),
    Broken(manifest: #"[{"Config":"bad.json","Layers":[]}]"#, problem: "configuration"),
    Broken(manifest: #"[{"Config":"config.json"}]"#, problem: "0 layers"),
    Broken(manifest: #"[{"Config":"config.json","Layers":["x"]}]"#, problem: "\"x\""),
    Broken(
      manifest: #"[{"Config":"config.json","Layers":["l","l"]}]"#, problem: "2 layers"),
    Broken(
      manifest: #"[{"Config":"config.json"},{"Config":"config.json"}]"#, problem: "several"),
  ])
  func `a Docker archive with a broken manifest is refused`(_ c: Broken) async throws {
    try directory.write(
      "out/image.tar",
      tar([
        .file("l", layerBytes("f", "x")), .file("bad.json", "[]"),
        .file("config.json", #"{"rootfs":{"diff_ids":["\#(Digest.of([1]))"]}}"#),
        .file("manifest.json", c.manifest),
      ]))
    let source = try await dockerSource()
    await #expect {
      try await source.manifest(nil)
    } throws: { error in
      (error as? ImageError)?.diagnostic.message.contains(c.problem) ?? false
    }
  }

  @Test func `a layer that is not what the diff ID says is refused`() async throws {
    try directory.write(
      "out/image.tar",
      tar([
        .file("l", layerBytes("f", "x")),
        .file("config.json", #"{"rootfs":{"diff_ids":["\#(Digest.of([1]))"]}}"#),
        .file("manifest.json", #"[{"Config":"config.json","Layers":["l"]}]"#),
      ]))
    let found = try await resolve(try await dockerSource())
    let fetcher = BlobFetcher(store: try directory.store("other"))
    await #expect(throws: ImageError.self) { try await fetcher.fetch(found.layers[0]) }
  }
}
