// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import RecordedFiles
import TestSupport
import Testing

@testable import Layers

/// Archives made to hurt: each ends in an error or in files below the root, never elsewhere.
@Suite struct HostileArchiveTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]

    init(_ description: String, _ bytes: [UInt8]) {
      (testDescription, self.bytes) = (description, bytes)
    }
  }

  static let refused: [Case] = [
    Case("dot-dot", RawBlock("../x").sealed + endOfArchive),
    Case("dot-dot inside", RawBlock("a/../../x").sealed + endOfArchive),
    Case("dot-dot in pax", pax(("path", "a/../x")) + RawBlock("f").sealed + endOfArchive),
    Case("a NUL in pax", pax(("path", "a\u{0}b")) + RawBlock("f").sealed + endOfArchive),
    Case(
      "a name of 256 bytes",
      pax(("path", String(repeating: "n", count: 256))) + RawBlock("f").sealed),
    Case(
      "a path of 5000 bytes",
      pax(("path", String(repeating: "n/", count: 2500))) + RawBlock("f").sealed),
    Case("a hard link outside", RawBlock("h", type: "1", link: "../../etc/passwd").sealed),
    Case("a symbolic link to nothing", RawBlock("l", type: "2").sealed),
    Case(
      "a NUL in a link", pax(("linkpath", "a\u{0}b")) + RawBlock("l", type: "2", link: "a").sealed),
    Case(
      "a link of 5000 bytes",
      pax(("linkpath", String(repeating: "n", count: 5000))) + RawBlock("l", type: "2").sealed),
    Case("a wrong checksum", RawBlock("f").bytes),
    Case("an unknown type", RawBlock("f", type: "Z").sealed),
    Case("a GNU sparse file", RawBlock("f", type: "S").sealed),
    Case("a pax sparse file 0.0", pax(("GNU.sparse.size", "1")) + RawBlock("f").sealed),
    Case("a pax sparse file 1.0", pax(("GNU.sparse.major", "1")) + RawBlock("f").sealed),
    Case("a huge extended header", RawBlock("x", type: "x", size: 7 << 30).sealed),
    Case("a huge long name", RawBlock("x", type: "L", size: 7 << 30).sealed),
    Case(
      "endless extended headers",
      Array(repeating: pax(("comment", String(repeating: "c", count: 200_000))), count: 8).flatMap {
        $0
      } + RawBlock("f").sealed + endOfArchive),
    Case("extended headers of nothing", pax(("path", "x")) + endOfArchive),
    Case(
      "pax without length",
      RawBlock("x", type: "x", size: 8).sealed + padded(Array("path=abc".utf8))),
    Case(
      "pax of length 0", RawBlock("x", type: "x", size: 8).sealed + padded(Array("0 path=a".utf8))),
    Case(
      "pax too long", RawBlock("x", type: "x", size: 8).sealed + padded(Array("99 pa=a\n".utf8))),
    Case(
      "pax of overflowing length",
      RawBlock("x", type: "x", size: 25).sealed + padded(Array("9223372036854775807 a=bc\n ".utf8))),
    Case("a negative size", pax(("size", "-1")) + RawBlock("f").sealed),
    Case("the largest size", pax(("size", "9223372036854775807")) + RawBlock("f").sealed),
    Case(
      "a size in base 256 that is negative",
      RawBlock("f").with([UInt8](repeating: 0xFF, count: 12), at: 124).sealed),
    Case(
      "a size in base 256 that is too large",
      RawBlock("f").with([0x80, 0, 0, 0] + [UInt8](repeating: 0x7F, count: 8), at: 124).sealed),
    Case(
      "an extended header of negative size",
      RawBlock("x", type: "x").with([UInt8](repeating: 0xFF, count: 12), at: 124).sealed),
    Case("an owner that is no number", RawBlock("f").with(Array("12x".utf8), at: 108).sealed),
    Case("an owner of 33 bits", pax(("uid", "4294967296")) + RawBlock("f").sealed),
    Case("a time of words", pax(("mtime", "now")) + RawBlock("f").sealed),
    Case("a time with wide digits", pax(("mtime", "1.é٣٣٣٣٣٣٣٣")) + RawBlock("f").sealed),
    Case("a time with a sign inside", pax(("mtime", "1.+5")) + RawBlock("f").sealed),
    Case(
      "a device Linux has not",
      RawBlock("c", type: "3").with([0x80, 0, 0, 0, 0, 1, 0, 0], at: 329).sealed),
    Case("an attribute without a name", pax(("SCHILY.xattr.", "v")) + RawBlock("f").sealed),
  ]

  @Test(arguments: refused)
  func `an archive is refused`(_ c: Case) {
    #expect(throws: LayerError.self) { try entries(of: c.bytes) }
  }

  @Test func `what older programs wrote is read`() throws {
    let old = RawBlock("dir/", type: "\u{0}").with([UInt8](repeating: 0, count: 8), at: 257).sealed
    let long = String(repeating: "n", count: 200)
    let gnu =
      RawBlock("././@LongLink", type: "L", size: 201).sealed + padded(Array(long.utf8) + [0])
      + RawBlock("f").with(Array("ustar  \u{0}".utf8), at: 257).sealed
    let blanks = RawBlock("blanks").with(Array("   17\u{0}x ".utf8), at: 108).sealed
    let absolute = RawBlock("/./etc//passwd").sealed
    let base256 = RawBlock("big", type: "1", link: "f").with(
      [0x80, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0], at: 124
    )
    .with([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], at: 136).sealed
    let found = try entries(of: old + gnu + blanks + absolute + base256)
    #expect(found.map(\.path) == ["dir", PathBytes(long), "blanks", "etc/passwd", "big"])
    #expect(found[0].isDirectory)
    #expect(found[2].uid == 0o17)
    #expect(found[4].modified.seconds == -2)
    #expect(found[4].sizeInBytes == 0)
  }

  @Test func `an empty pax value takes an earlier one back`() throws {
    let found = try entries(
      of: pax(("path", "x"), ("path", "")) + RawBlock("f").sealed + endOfArchive)
    #expect(found.map(\.path) == ["f"])
  }

  @Test func `an archive cut anywhere is an error or holds whole entries`() throws {
    var entry = LayerEntry.file(TarRoundTripTests.Case.name(300))
    entry.attributes = [ExtendedAttribute(name: "user.a", value: [1])]
    let whole = try archive([(.file("a"), "hello"), (entry, String(repeating: "x", count: 700))])
    let count = whole.count - 1024
    // Where a header or an entry begins, cut exactly, before and behind; and in between.
    let offsets = Set(
      stride(from: 0, to: count, by: 512).flatMap { [$0, $0 + 1, $0 + 5, $0 + 511] })
    for offset in offsets.sorted() {
      let found = try? Self.readAll(Array(whole[..<offset]))
      let expected = offset == 0 ? 0 : offset == 1024 ? 1 : nil
      #expect(found == expected, "cut at \(offset)")
    }
    #expect(try Self.readAll(Array(whole[..<count])) == 2)
  }

  private static func readAll(_ bytes: [UInt8]) throws -> Int {
    var reader = TarReader(MemorySource(bytes))
    var count = 0
    while try reader.next() != nil {
      try reader.forEachPiece { _ in }
      count += 1
    }
    return count
  }

  @Test func `damaged archives never trap`() throws {
    var entry = LayerEntry.file("d/f")
    entry.attributes = [ExtendedAttribute(name: "user.a", value: [1])]
    entry.modified = FileTime(seconds: -7, nanoseconds: 25)
    let sample = try archive([
      (.directory("d"), ""), (entry, "content"), (.hardLink("d/g", "d/f"), ""),
      (.symbolicLink("l", "d"), ""), (.file("l/x"), "more"), (.file("d/.wh.f"), ""),
      (.file("d/.wh..wh..opq"), ""),
    ])
    var random = SystemRandomNumberGenerator()
    for _ in 0..<1500 {
      var bytes = sample
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      // Right checksums, so that the damage is seen.
      for start in stride(from: 0, to: bytes.count - 512, by: 512) where bytes[start + 257] == 0x75
      {
        var block = RawBlock("")
        block.bytes = Array(bytes[start..<(start + 512)])
        bytes.replaceSubrange(start..<(start + 512), with: block.sealed)
      }
      let tree = FileTree()
      tree.beginLayer()
      guard let found = try? entries(of: bytes) else { continue }
      for entry in found { _ = try? tree.apply(entry) }
      _ = try archive(found.map { ($0, "") })
    }
  }

  @Test func `links that make a path longer and longer are refused`() throws {
    let tree = FileTree()
    tree.beginLayer()
    let long = PathBytes(String(repeating: "a/", count: 2000) + "a")
    try tree.apply(.directory(long))
    try tree.apply(.symbolicLink("l", long))
    #expect(throws: LayerError.self) { try tree.apply(.file(PathBytes("l/").appending(long))) }
  }

  @Test func `the deepest tree is walked on a small stack`() async throws {
    try await WorkerThreads(count: 1).run {
      let tree = FileTree()
      let deep = PathBytes(String(repeating: "a/", count: 2047) + "a")
      tree.beginLayer()
      try tree.apply(.directory(deep))
      var count = 0
      tree.forEach(below: tree.root) { _, _ in count += 1 }
      #expect(count == 2049)
      tree.beginLayer()
      try tree.apply(.file("a/.wh..wh..opq"))
      #expect(tree.resolve("a/a").node == nil)
    }
  }
}

/// Unpacking: a canary beside the root must stay alone and unchanged.
@Suite(.enabled(if: isRoot, "unpacking needs root"))
struct HostileUnpackingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var entries: [(LayerEntry, String)]
    /// Nil when the layer must be refused.
    var expected: [PathBytes]?

    init(_ description: String, _ entries: [(LayerEntry, String)], _ expected: [PathBytes]?) {
      (testDescription, self.entries, self.expected) = (description, entries, expected)
    }
  }

  static let cases: [Case] = [
    Case(
      "a file below a link to the outside",
      [(.symbolicLink("a", "/CANARY"), ""), (.file("a/x"), "evil")],
      ["CANARY", "CANARY/x", "a"]),
    Case(
      "a file below a link upwards",
      [(.symbolicLink("a", "../../../../../../CANARY"), ""), (.file("a/x"), "evil")],
      ["CANARY", "CANARY/x", "a"]),
    Case(
      "a link replaced by a directory",
      [(.symbolicLink("a", "/CANARY"), ""), (.directory("a"), ""), (.file("a/x"), "good")],
      ["a", "a/x"]),
    Case(
      "a file over a link",
      [(.symbolicLink("a", "/CANARY/file"), ""), (.file("a"), "good")], ["a"]),
    Case(
      "a hard link through a link to the outside",
      [(.symbolicLink("a", "/CANARY"), ""), (.hardLink("h", "a/file"), "")], nil),
    Case("a hard link to nothing", [(.hardLink("h", "no"), "")], nil),
    Case("a hard link to itself", [(.file("h"), ""), (.hardLink("h", "h"), "")], nil),
    Case("a hard link to a directory", [(.directory("d"), ""), (.hardLink("h", "d"), "")], nil),
    Case(
      "a hard link over its own directory", [(.file("d/f"), ""), (.hardLink("d", "d/f"), "")], nil),
    Case("an entry below a file", [(.file("f"), ""), (.file("f/x"), "")], nil),
    Case(
      "an entry below a pipe",
      [(LayerEntry(path: "p", kind: .fifo, permissions: 0), ""), (.file("p/x"), "")], nil),
    Case(
      "an entry below a loop",
      [(.symbolicLink("a", "b"), ""), (.symbolicLink("b", "a"), ""), (.file("a/x"), "")], nil),
    Case("a root that is a file", [(.file(""), "x")], nil),
    Case(
      "a whiteout through a link",
      [(.symbolicLink("a", "/CANARY"), ""), (.file("a/.wh.file"), "")], ["a"]),
    Case(
      "an opaque marker through a link",
      [(.symbolicLink("a", "/CANARY"), ""), (.file("a/.wh..wh..opq"), "")], ["CANARY", "a"]),
    Case("a whiteout of nothing", [(.file("d/.wh."), "")], nil),
    Case("a whiteout of dot", [(.file("d/.wh.."), "")], nil),
    Case("a whiteout of dot-dot", [(.file("d/.wh..."), "")], nil),
    Case("a whiteout of a whiteout", [(.file(".wh..wh.x"), "")], []),
    Case(
      "a file that becomes a directory and a file again",
      [(.file("x"), "1"), (.directory("x"), ""), (.file("x/y"), "2"), (.file("x"), "3")], ["x"]),
    Case(
      "a directory that becomes a file and a directory again",
      [(.file("x/y/z"), "1"), (.file("x"), "2"), (.directory("x"), ""), (.file("x/y/w"), "3")],
      ["x", "x/y", "x/y/w"]),
    Case(
      "a pipe that becomes a file",
      [(LayerEntry(path: "p", kind: .fifo, permissions: 0), ""), (.file("p"), "x")], ["p"]),
    Case("the same entry twice", [(.file("x"), "1"), (.file("x"), "2")], ["x"]),
  ]

  @Test(
    arguments: cases, ["overlay", "plain with owners", "plain", "recorded"])
  func `nothing is written outside`(_ c: Case, _ styleName: String) throws {
    let directory = try TemporaryDirectory()
    let records = try TemporaryDirectory()
    let style: LayerUnpacker.Style =
      switch styleName {
      case "overlay": .overlay(.trusted)
      case "recorded": .recorded(try FileRecords(creating: records.path.appending("records")))
      default: .plain(setsOwners: styleName == "plain with owners")
      }
    let canary = directory.path.appending("canary")
    let root = directory.path.appending("root")
    try makeDirectory(canary)
    try makeDirectory(root)
    try write(Array("alive".utf8), to: canary.appending("file"))
    let before = try Listing(of: canary)

    // Absolute links name the canary as it is from outside; inside the root it is a name like any.
    let name = canary.description.dropFirst()
    let renamed = c.entries.map { entry, text in
      var entry = entry
      if case .symbolicLink(let target) = entry.kind {
        let text = target.description.split(separator: "CANARY", omittingEmptySubsequences: false)
        entry.kind = .symbolicLink(PathBytes(String(text.joined(separator: String(name)))))
      }
      return (entry, text)
    }
    var reader = TarReader(MemorySource(try archive(renamed)))
    var unpacker = try LayerUnpacker(into: root, over: FileTree(), lower: [], style: style)
    if let expected = c.expected {
      _ = try unpacker.unpack(&reader)
      let inner = PathBytes(Array(name.utf8))
      var all: Set<PathBytes> = []
      for path in expected {
        guard path.hasPrefix("CANARY") else {
          all.insert(path)
          continue
        }
        let rest = PathBytes(path.bytes.dropFirst("CANARY".utf8.count + 1))
        var full = inner.appending(rest)
        while !full.isEmpty {
          all.insert(full)
          full = full.parent
        }
      }
      #expect(try Listing(of: root).paths == all.sorted())
    } else {
      #expect(throws: LayerError.self) { _ = try unpacker.unpack(&reader) }
    }
    #expect(try Listing(of: canary) == before)
    #expect(try names(inDirectory: directory.path) == ["canary", "root"])
  }
}
