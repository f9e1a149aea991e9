// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Layers

@Suite(.enabled(if: isRoot, "owners and devices need root"))
struct LayerUnpackerTests {
  /// Unpacks layers as the parts of an overlay, lowest first, and gives their directories.
  static func unpackOverlay(_ layers: [[UInt8]], in directory: PathBytes) throws -> [PathBytes] {
    let tree = FileTree()
    var places: [PathBytes] = []
    for (number, layer) in layers.enumerated() {
      let place = directory.appending("layer\(number)")
      try makeDirectory(place, mode: 0o755)
      var reader = TarReader(MemorySource(layer))
      var unpacker = try LayerUnpacker(
        into: place, over: tree, lower: places, style: .overlay(.trusted))
      _ = try unpacker.unpack(&reader)
      places.append(place)
    }
    return places
  }

  static func unpackPlain(_ layers: [[UInt8]], into place: PathBytes) throws {
    let tree = FileTree()
    for layer in layers {
      var reader = TarReader(MemorySource(layer))
      var unpacker = try LayerUnpacker(
        into: place, over: tree, lower: [], style: .plain(setsOwners: true))
      _ = try unpacker.unpack(&reader)
    }
  }

  /// What the kernel makes of layers, copied out of a real overlay.
  static func merged(_ places: [PathBytes], in directory: PathBytes) throws -> Listing {
    let lower = places.reversed().map { "\($0)" }.joined(separator: ":")
    try shell(
      """
      mkdir -p empty merged
      unshare -m --propagation private bash -euc '
        mount -t overlay overlay -o ro,lowerdir=\(lower):empty merged; cp -a merged copy'
      """, in: directory)
    return try Listing(of: directory.appending("copy"))
  }

  static func entry(
    _ path: PathBytes, _ kind: LayerEntry.Kind = .regular, _ permissions: UInt32 = 0o644,
    seconds: Int64 = 1_600_000_000, attributes: [ExtendedAttribute] = []
  ) -> LayerEntry {
    LayerEntry(
      path: path, kind: kind, permissions: permissions, uid: 10, gid: 20,
      modified: FileTime(seconds: seconds, nanoseconds: 123_456_789), attributes: attributes)
  }

  /// cap_net_bind_service=ep, as the kernel stores it.
  static let capability = ExtendedAttribute(
    name: "security.capability",
    value: [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

  @Test func `a layer's files have all that its entries say`() throws {
    let sample: [(LayerEntry, String)] = [
      (Self.entry("", .directory, 0o711), ""),
      (Self.entry("closed", .directory, 0), ""),
      (Self.entry("closed/none", .regular, 0), "nothing"),
      (Self.entry("fixed", .directory, 0o555), ""),
      (Self.entry("fixed/run", .regular, 0o6755, attributes: [Self.capability]), "#!"),
      (
        Self.entry(
          "note", attributes: [ExtendedAttribute(name: "user.n", value: [0, 1, 2])], ), "n"
      ),
      (Self.entry("old", .regular, 0o600, seconds: -100_000), ""),
      (Self.entry("link", .symbolicLink("../../etc/passwd"), 0o777), ""),
      (Self.entry("null", .characterDevice(major: 1, minor: 3), 0o666), ""),
      (Self.entry("disk", .blockDevice(major: 7, minor: 300), 0o660), ""),
      (Self.entry("pipe", .fifo, 0o622), ""),
    ]
    let directory = try TemporaryDirectory()
    let place = try #require(
      try Self.unpackOverlay([archive(sample)], in: directory.path).first)
    for (entry, content) in sample {
      let file = place.appending(entry.path)
      var expected = entry
      expected.sizeInBytes = Int64(content.utf8.count)
      let found = try LayerEntry(
        path: entry.path, status: try FileStatus(of: file),
        attributes: extendedAttributes(of: file),
        linkTarget: { try linkTarget(of: file) })
      #expect(found == expected)
    }
  }

  struct Stack: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var layers: [[(LayerEntry, String)]]
    var paths: [PathBytes]

    init(_ description: String, _ layers: [(LayerEntry, String)]..., leaves paths: PathBytes...) {
      (testDescription, self.layers, self.paths) = (description, layers, paths)
    }
  }

  static func file(_ path: PathBytes, _ text: String = "") -> (LayerEntry, String) {
    (entry(path), text)
  }
  static func folder(_ path: PathBytes) -> (LayerEntry, String) {
    (entry(path, .directory, 0o755), "")
  }
  static func link(_ path: PathBytes, _ target: PathBytes) -> (LayerEntry, String) {
    (entry(path, .hardLink(target)), "")
  }

  static let base = [
    folder("d"), file("d/a", "a0"), file("d/b", "b0"), folder("d/s"), file("d/s/c", "c0"),
    file("e", "e0"), link("e2", "e"), file("f", "f0"),
  ]
  static let stacks = [
    Stack(
      "whiteouts, replaced and put back", base,
      [file("d/.wh.a"), file(".wh.f"), file("d/b", "b1")],
      [file("d/a", "a2")], leaves: "d", "d/a", "d/b", "d/s", "d/s/c", "e", "e2"),
    Stack(
      "an opaque directory before and behind its files", base,
      [folder("d"), file("d/.wh..wh..opq"), file("d/x", "x1")],
      [folder("d"), file("d/y", "y2"), file("d/.wh..wh..opq")], leaves: "d", "d/y", "e", "e2", "f"),
    Stack(
      "an opaque directory that shares a directory with the layer below", base,
      [folder("d/s"), file("d/s/n", "n1"), file("d/.wh..wh..opq")],
      leaves: "d", "d/s", "d/s/n", "e", "e2", "f"),
    Stack(
      "a directory removed and made again", base, [file(".wh.d"), folder("d"), file("d/n")],
      leaves: "d", "d/n", "e", "e2", "f"),
    Stack(
      "a directory made and its old content removed", base,
      [folder("d"), file("d/n"), file(".wh.d")], leaves: "d", "d/n", "e", "e2", "f"),
    Stack(
      "a directory that was a file for a moment", base, [file("d"), folder("d"), file("d/n")],
      leaves: "d", "d/n", "e", "e2", "f"),
    Stack(
      "a directory removed, then a file, then a directory", base,
      [file(".wh.d"), file("d"), folder("d"), file("d/s/n")],
      leaves: "d", "d/s", "d/s/n", "e", "e2", "f"),
    Stack(
      "a file in place of a directory and the reverse", base, [file("d", "d1"), folder("f")],
      [folder("d"), file("d/n"), file("f", "f2")], leaves: "d", "d/n", "e", "e2", "f"),
    Stack(
      "a hard link to a file below", base, [link("d/h", "e"), link("h", "d/a")],
      leaves: "d", "d/a", "d/b", "d/h", "d/s", "d/s/c", "e", "e2", "f", "h"),
    Stack(
      "a hard link to a file below that is then removed", base,
      [link("h", "f"), file(".wh.f"), link("d/h", "d/a"), file("d/.wh..wh..opq")],
      leaves: "d", "d/h", "e", "e2", "h"),
    Stack(
      "a hard link to a file two layers below", base, [file("d/n")], [link("h", "d/s/c")],
      leaves: "d", "d/a", "d/b", "d/n", "d/s", "d/s/c", "e", "e2", "f", "h"),
    Stack(
      "entries through a link of a layer below",
      base + [(entry("l", .symbolicLink("/d/s"), 0o777), "")], [file("l/n"), file("l/.wh.c")],
      leaves: "d", "d/a", "d/b", "d/s", "d/s/n", "e", "e2", "f", "l"),
    Stack(
      "directories only a layer below names", base, [file("d/s/n")],
      leaves: "d", "d/a", "d/b", "d/s", "d/s/c", "d/s/n", "e", "e2", "f"),
  ]

  @Test(.enabled(if: canMountOverlay, "overlayfs cannot be mounted here"), arguments: stacks)
  func `layers look the same through overlayfs, in one directory and in the tree`(_ stack: Stack)
    throws
  {
    let directory = try TemporaryDirectory()
    let layers = try stack.layers.map { try archive([Self.folder("")] + $0) }
    let overlay = try Self.merged(
      Self.unpackOverlay(layers, in: directory.path), in: directory.path)
    let plain = directory.path.appending("plain")
    try makeDirectory(plain)
    try Self.unpackPlain(layers, into: plain)
    // A copied-up file is no longer one with its other names below.
    let isLinked = stack.testDescription.contains("hard link")
    let found = try Listing(of: plain)
    #expect(overlay.paths == stack.paths)
    #expect(found.paths == stack.paths)
    if !isLinked { #expect(overlay.differences(from: found) == []) }

    let tree = try FileTreeTests.tree(stack.layers.map { $0.map(\.0) })
    var paths: [PathBytes] = []
    tree.forEach(below: tree.root) { path, _ in if !path.isEmpty { paths.append(path) } }
    #expect(paths.sorted() == stack.paths)
  }

  @Test func `neighbours have each their own owner, also in a directory that hands its group on`()
    throws
  {
    let directory = try TemporaryDirectory()
    let place = directory.path.appending("tree")
    try makeDirectory(place, mode: 0o755)
    var shared = LayerEntry.directory("d")
    (shared.permissions, shared.gid) = (0o2775, 7)
    try Self.unpackPlain([try archive(shared)], into: place)
    let owners: [(UInt32, UInt32)] = [(0, 0), (5, 7), (0, 7), (0, 0), (6, 6)]
    let files = owners.enumerated().map { number, owner in
      var entry = LayerEntry.file(PathBytes("d/\(number)"))
      (entry.uid, entry.gid) = owner
      return entry
    }
    let tree = FileTree()
    var reader = TarReader(MemorySource(try archive(files.map { ($0, "") })))
    var unpacker = try LayerUnpacker(
      into: place, over: tree, lower: [], style: .plain(setsOwners: true))
    _ = try unpacker.unpack(&reader)
    for file in files {
      let status = try FileStatus(of: place.appending(file.path))
      #expect([status.uid, status.gid] == [file.uid, file.gid], "\(file.path)")
    }
  }

  @Test func `a directory that is replaced and made again holds what came after`() throws {
    let directory = try TemporaryDirectory()
    let place = directory.path.appending("tree")
    try makeDirectory(place, mode: 0o755)
    let layer = try archive(
      .directory("d"), .file("d/a"), .file("d"), .file("b"), .directory("d"), .file("d/c"),
    )
    try Self.unpackPlain([layer], into: place)
    #expect(try names(inDirectory: place) == ["b", "d"])
    #expect(try names(inDirectory: place.appending("d")) == ["c"])
  }

  @Test func `names of one file are hard links`() throws {
    let directory = try TemporaryDirectory()
    let layers = try [Self.base, [Self.link("h", "e")]].map { try archive($0) }
    let places = try Self.unpackOverlay(layers, in: directory.path)
    #expect(try FileStatus(of: places[0].appending("e")).linkCount == 2)
    let (copy, link) = (
      try FileStatus(of: places[1].appending("e")), try FileStatus(of: places[1].appending("h"))
    )
    #expect(copy.inode == link.inode)
    #expect(try contents(of: places[1].appending("h")) == Array("e0".utf8))
  }

  @Test func `an ordinary user adds to a read-only directory`() throws {
    let directory = try TemporaryDirectory()
    let place = directory.path.appending("root")
    try makeDirectory(place)
    let tree = FileTree()
    let layers = [
      [(LayerEntry.directory("d", 0o555), ""), (.file("d/a", 0o444), "a")],
      [(LayerEntry.file("d/b"), "b"), (.file("d/.wh.a"), "")],
    ]
    for layer in layers {
      var reader = TarReader(MemorySource(try archive(layer)))
      var unpacker = try LayerUnpacker(
        into: place, over: tree, lower: [], style: .plain(setsOwners: false))
      _ = try unpacker.unpack(&reader)
    }
    #expect(try Listing(of: place).paths == ["d", "d/b"])
    #expect(try FileStatus(of: place.appending("d")).permissions == 0o555)
  }

  @Test func `a damaged archive is refused though its files are whole`() throws {
    let directory = try TemporaryDirectory()
    try write(try archive([(.file("a"), "a")]), to: directory.path.appending("a.tar"))
    try shell("gzip a.tar; mkdir good bad", in: directory.path)
    let packed = directory.path.appending("a.tar.gz")
    try unpackArchive(try FileDescriptor.open(packed), into: directory.path.appending("good"))
    #expect(try contents(of: directory.path.appending("good/a")) == Array("a".utf8))
    var bytes = try contents(of: packed)
    for count in [1, 7, bytes.count] {
      let rest = try FileDescriptor.open(packed)
      var start = [UInt8](repeating: 0, count: count)
      #expect(try start.withUnsafeMutableBytes { try rest.read(into: $0) } == count)
      let place = directory.path.appending(PathBytes("good\(count)"))
      try makeDirectory(place, mode: 0o755)
      try unpackArchive(rest, startingWith: start, into: place)
      #expect(try contents(of: place.appending("a")) == Array("a".utf8))
    }
    bytes[bytes.count - 8] ^= 1
    try write(bytes, to: packed)
    #expect(throws: LayerError.self) {
      try unpackArchive(try FileDescriptor.open(packed), into: directory.path.appending("bad"))
    }
  }
}
