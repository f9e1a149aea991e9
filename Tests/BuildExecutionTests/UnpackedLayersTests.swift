// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import OCI
import Testing

@testable import BuildExecution

@Suite struct UnpackedLayersTests {
  private static let isRoot = geteuid() == 0

  @Test func `directories are named by the layers below as well`() {
    let (a, b) = (Digest.of([1]), Digest.of([2]))
    let chain = UnpackedLayers.chainIDs([a, b])
    #expect(chain == [a, Digest.of(Array("\(a) \(b)".utf8))])
    #expect(UnpackedLayers.chainIDs([b, a])[1] != chain[1])
  }

  @Test(.enabled(if: isRoot, "owners are set"))
  func `builds at once share what is unpacked`() async throws {
    let bench = try Bench()
    let layers = [
      try bench.layer([.directory("d", mode: 0o700, owner: (5, 6)), .file("d/a", "A")]),
      try bench.layer([.file("d/.wh.a"), .file("d/b", "B")]),
    ]
    // Another process, as far as the store is concerned.
    let others = try UnpackedLayers(fetcher: BlobFetcher(store: bench.store), format: .user)
    let unpacked = bench.unpacked
    async let first = unpacked.directories(of: layers)
    async let second = unpacked.directories(of: layers)
    async let third = others.directories(of: layers)
    let places = try await first
    #expect(try await second == places)
    #expect(try await third == places)
    #expect(try contents(of: places[0].appending("d/a")) == Array("A".utf8))
    let directory = try FileStatus(of: places[1].appending("d"))
    #expect(directory.permissions == 0o700)
    #expect(directory.uid == 5)
    #expect(try names(inDirectory: places[1].appending("d")) == ["a", "b"])
    #expect(try bench.leftovers() == [])
  }

  @Test func `builds at once share layers and fetches`() async throws {
    let bench = try Bench()
    try bench.file("file", "text")
    let base = try bench.image("base", [.directory("d"), .file("d/f", "F")])
    let plan = stage(
      on: .image(base), copy("file", to: "/d/"), copy("d", to: "/e/", from: .image(base)))
    let executors = try (0..<2).map { _ in
      Executor(try bench.surroundings(), options: ExecutionOptions()) { _ in }
    }
    async let first = executors[0].run(.init(stages: [plan], target: plan.id))
    async let second = executors[1].run(.init(stages: [plan], target: plan.id))
    #expect(try await first[0].image.digest == (try await second[0].image.digest))
    #expect(try bench.leftovers() == [])
  }

  /// A blob that is a sound archive, but not the one the image speaks of.
  private func falseLayer(_ bench: Bench) throws -> LayerReference {
    var layer = try bench.layer([.file("f", "F")])
    layer.diffID = Digest.of([1, 2, 3])
    return layer
  }

  @Test func `entries of a blob that is not what the image says are refused`() async throws {
    let bench = try Bench()
    let layer = try falseLayer(bench)
    let actual = try bench.layer([.file("f", "F")]).diffID
    await #expect(throws: LayerError.diffIDMismatch(expected: layer.diffID, actual: actual)) {
      try await bench.unpacked.entries(of: layer)
    }
    let index = bench.store.directory.appending("index").appending(layer.diffID.hex)
    #expect(!exists(index))
  }

  @Test(.enabled(if: isRoot, "owners are set"))
  func `a blob that is not what the image says is not unpacked`() async throws {
    let bench = try Bench()
    let layer = try falseLayer(bench)
    await #expect(throws: LayerError.self) { try await bench.unpacked.directories(of: [layer]) }
    #expect(try names(inDirectory: bench.store.directory.appending("layers-userxattr")) == [])
    #expect(try bench.leftovers() == [])
  }

  @Test func `a broken list of entries is read anew from the blob`() async throws {
    let bench = try Bench()
    let layer = try bench.layer([.file("f", "F")])
    try bench.store.replaceFile(
      bench.store.directory.appending("index").appending(layer.diffID.hex), with: [1, 2, 3])
    #expect(try await bench.unpacked.entries(of: layer).map(\.path) == ["f"])
  }

  @Test func `a list of entries that names too much is an error, not a wait`() async throws {
    let bench = try Bench()
    let base = try bench.image("base", [.file("a", "A")])
    let entries = ["a", "b"].map { TarFile.file($0, "A").entry }
    try await bench.unpacked.remember(entries, of: base.configuration.diffIDs[0])
    let error = await #expect(throws: StepFailure.self) {
      try await bench.run(stage(copy("b", to: "/", from: .image(base))))
    }
    #expect(error?.diagnostic.message == LayerError.missingFile("b").diagnostic.message)
    #expect(error?.diagnostic.range == somewhere)
    #expect(try bench.leftovers() == [])
  }

  @Test func `a change set becomes a blob once, and is read where it lies`() async throws {
    let bench = try Bench()
    try bench.file("a", "changed")
    let entry = LayerEntry(
      path: "a", kind: .regular, permissions: 0o644, sizeInBytes: 7,
      modified: FileTime(seconds: 2000))
    let changes = ChangeSet(directory: bench.context, entries: [entry])
    let blobs = ChangeSetBlobs(
      store: bench.store, unpacked: bench.unpacked, compression: bench.compression,
      timestamps: .fixed(FileTime(seconds: 1000)))
    let first = try await blobs.blob(of: changes)
    #expect(try bench.files(in: first) == ["- 0644 0:0 a \"changed\""])
    #expect(try await bench.unpacked.entries(of: first).map(\.modified.seconds) == [1000])
    try bench.file("a", "another")
    #expect(try await blobs.blob(of: changes).diffID == first.diffID)

    let files = LayeredFiles(
      layers: [.changes(changes)], unpacked: bench.unpacked, fetcher: bench.fetcher)
    #expect(try await files.contents(of: "a") == Array("another".utf8))
    #expect(try await files.topSizeInBytes() == 7)
  }
}
