// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Glibc
import Images
import Layers
import LinuxSystem
import OCI
import Testing

@testable import BuildExecution

@Suite struct SquashTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var base: [TarFile] = []
    var above: [[TarFile]]
    var expected: [String]
  }

  static let cases = [
    Case(
      testDescription: "a file that is taken away again", base: [.file("a")],
      above: [[.file("b")], [.file(".wh.b"), .file("c", "C")]], expected: ["- 0644 0:0 c \"C\""]),
    Case(
      testDescription: "a file of the base that is taken away",
      base: [.directory("d", mode: 0o700), .file("d/a"), .file("d/b")], above: [[.file("d/.wh.a")]],
      expected: ["d 0700 0:0 d", "- 0000 0:0 d/.wh.a"]),
    Case(
      testDescription: "an opaque directory", base: [.directory("d"), .file("d/a"), .file("d/b")],
      above: [[.directory("d"), .file("d/.wh..wh..opq"), .file("d/b", "B")]],
      expected: ["d 0755 0:0 d", "- 0000 0:0 d/.wh.a", "- 0644 0:0 d/b \"B\""]),
    Case(
      testDescription: "a directory in the place of a file", base: [.file("x")],
      above: [[.directory("x"), .file("x/y", "Y")]],
      expected: ["d 0755 0:0 x", "- 0644 0:0 x/y \"Y\""]),
    Case(
      testDescription: "a file in the place of a directory", base: [.directory("x"), .file("x/y")],
      above: [[.file("x", "X")]], expected: ["- 0644 0:0 x \"X\""]),
    Case(
      testDescription: "a directory made anew", base: [.directory("x", mode: 0o700), .file("x/y")],
      above: [[.file(".wh.x")], [.directory("x"), .file("x/z", "Z")]],
      expected: ["d 0755 0:0 x", "- 0000 0:0 x/.wh.y", "- 0644 0:0 x/z \"Z\""]),
    Case(
      testDescription: "a file whose later name comes first",
      above: [[.file("z", "text"), .special("a", .hardLink("z"))]],
      expected: ["- 0644 0:0 a \"text\"", "h z => a"]),
    Case(
      testDescription: "a file whose first name is gone",
      above: [[.file("a", "text")], [.special("b", .hardLink("a"))], [.file(".wh.a")]],
      expected: ["- 0644 0:0 b \"text\""]),
    Case(
      testDescription: "a new name for a file of the base", base: [.file("a", "text")],
      above: [[.special("b", .hardLink("a"))]], expected: ["- 0644 0:0 b \"text\""]),
    Case(
      testDescription: "the mode of the root", base: [.file("a")],
      above: [[.directory("", mode: 0o700)]], expected: ["d 0700 0:0 "]),
    Case(
      testDescription: "devices and links",
      above: [
        [.special("n", .characterDevice(major: 1, minor: 3)), .special("l", .symbolicLink("n"))]
      ],
      expected: ["l l -> n", "c 0777 0:0 n 1,3"]),
  ]

  @Test(arguments: cases)
  func `what is above a base becomes one layer`(_ c: Case) async throws {
    let bench = try Bench()
    let base = try bench.layer(c.base)
    let above = try c.above.map(bench.layer)
    let layers =
      [StageLayer.blob(base, isOfBase: true)] + above.map { StageLayer.blob($0, isOfBase: false) }
    let result = StageResult(
      layers: layers, configuration: ImageConfiguration(platform: .host), format: .oci,
      newestInput: FileTime(seconds: 0), ranCommand: false)
    var configuration = result.configuration
    let squash = Squash(try bench.surroundings(), options: ExecutionOptions())
    let squashed = try await squash.layers(of: result, &configuration)
    #expect(squashed.count == 2)
    #expect(squashed[0].diffID == base.diffID)
    #expect(try bench.files(in: squashed[1]) == c.expected)
    #expect(try await bench.unpacked.entries(of: squashed[1]).count == c.expected.count)
  }

  @Test func `the history keeps one entry with a layer above the base`() async throws {
    let bench = try Bench()
    try bench.file("a", "A")
    let base = try bench.image("base", [.file("base")])
    let options = ExecutionOptions(squashes: true)
    let built = try await bench.run(
      stage(on: .image(base), copy("a", to: "/x"), configure("ENV"), copy("a", to: "/y")),
      options: options)
    #expect(built.layers.count == 2)
    #expect(built.image.configuration.diffIDs == built.layers.map(\.diffID))
    #expect(built.image.configuration.history.map(\.emptyLayer) == [nil, true, true, nil])
    #expect(try bench.files(in: built) == ["- 0644 0:0 x \"A\"", "- 0644 0:0 y \"A\""])

    let same = try await bench.run(stage(on: .image(base), configure("ENV")), options: options)
    #expect(same.layers.count == 1)
  }

  private func built(_ bench: Bench) async throws -> BuiltImage {
    let mine = (geteuid(), getegid())
    let base = try bench.image(
      "base",
      [
        .directory("d", mode: 0o750, owner: mine), .file("d/z", "text", mode: 0o600, owner: mine),
        .file("d/gone", owner: mine), .special("d/a", .hardLink("d/z")),
        .special("l", .symbolicLink("d/z")),
      ], [.file("d/.wh.gone"), .file("d/new", "new", owner: mine)])
    return try await bench.run(stage(on: .image(base)))
  }

  @Test func `the files of an image as a directory`() async throws {
    let bench = try Bench()
    let place = bench.folder.path.appending("out")
    try await RootFileSystem(try await built(bench), try bench.surroundings()).unpack(into: place)
    #expect(try names(inDirectory: place.appending("d")) == ["a", "new", "z"])
    let (a, z) = (
      try FileStatus(of: place.appending("d/a")), try FileStatus(of: place.appending("d/z"))
    )
    #expect(a.inode == z.inode)
    #expect(z.permissions == 0o600)
    #expect(try contents(of: place.appending("d/a")) == Array("text".utf8))
    #expect(try linkTarget(of: place.appending("l")) == "d/z")
  }

  @Test func `the files of an image as an archive`() async throws {
    let bench = try Bench()
    let place = bench.folder.path.appending("out.tar")
    try await RootFileSystem(try await built(bench), try bench.surroundings())
      .writeArchive(to: place)
    var reader = TarReader(FileSource(try FileDescriptor.open(place)))
    var lines: [String] = []
    while let entry = try reader.next() {
      var content: [UInt8] = []
      if entry.kind == .regular { try reader.forEachPiece { content += $0 } }
      lines.append("\(entry.path) \(String(decoding: content, as: UTF8.self))")
      if case .hardLink(let target) = entry.kind { #expect(target == "d/a") }
    }
    #expect(lines == ["d ", "l ", "d/a text", "d/new new", "d/z "])
    #expect(try !names(inDirectory: bench.folder.path).contains("out.tar.partial"))
  }
}
