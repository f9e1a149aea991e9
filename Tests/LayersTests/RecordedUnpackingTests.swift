// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import RecordedFiles
import TestSupport
import Testing

@testable import Layers

/// Layers unpacked by users who may not set what layers say.
@Suite struct RecordedUnpackingTests {
  struct User: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var uid: UInt32
    var words: String
  }

  static let users = [
    User(
      testDescription: "an ordinary user", uid: 65_532,
      words: "--reuid=65532 --regid=65532 --clear-groups"),
    User(
      testDescription: "a user without name, in root's group", uid: 1_000_650_000,
      words: "--reuid=1000650000 --regid=0 --clear-groups"),
    User(testDescription: "root without capabilities", uid: 0, words: ""),
  ]

  private static func entry(
    _ path: PathBytes, _ kind: LayerEntry.Kind = .regular, _ permissions: UInt32 = 0o644,
    _ attributes: [ExtendedAttribute] = []
  ) -> LayerEntry { LayerUnpackerTests.entry(path, kind, permissions, attributes: attributes) }

  private static func attribute(_ name: PathBytes, _ value: [UInt8]) -> ExtendedAttribute {
    ExtendedAttribute(name: name, value: value)
  }

  /// In the order of a change set.
  static let rich: [(LayerEntry, String)] = [
    (entry("bin", .directory, 0o555), ""),
    (entry("bin/run", .regular, 0o6755, [LayerUnpackerTests.capability]), "#!"),
    (entry("bin/seen", .regular, 0o011), "by others"),
    (entry("closed", .directory, 0), ""),
    (entry("closed/again", .hardLink("bin/run"), 0o6755), ""),
    (entry("closed/none", .regular, 0), "nothing"),
    (entry("disk", .blockDevice(major: 7, minor: 300), 0o660), ""),
    (entry("fixed", .directory, 0o2555), ""),
    (entry("fixed/sub", .directory, 0o1777), ""),
    (entry("fixed/sub/empty"), ""),
    (entry("link", .symbolicLink("../../etc/passwd"), 0o777, [attribute("trusted.l", [1])]), ""),
    (
      entry(
        "list", .regular, 0o640,
        [attribute("system.posix_acl_access", [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255])]), "l"
    ),
    (
      entry(
        "note", .regular, 0o444,
        [attribute("security.selinux", [7]), attribute("user.n", [0, 1, 2])]), "n"
    ),
    (entry("null", .characterDevice(major: 1, minor: 3), 0o666), ""),
    (entry("pipe", .fifo, 0o622), ""),
    (entry("pipe2", .hardLink("pipe"), 0o622), ""),
    (
      LayerUnpackerTests.entry("tag", .directory, 0o700, attributes: [attribute("user.d", [1])]), ""
    ),
    (entry("zero", .characterDevice(major: 1, minor: 5), 0o600, [attribute("trusted.z", [])]), ""),
    (LayerUnpackerTests.entry(PathBytes([0x7A, 0xFF, 0xFE]), seconds: -100_000), "odd"),
  ]

  @Test(.enabled(if: isRoot, "becomes other users"), arguments: users)
  func `a layer that is unpacked is read back bit for bit`(_ user: User) throws {
    let layer = try archive(Self.rich)
    let directory = try Self.unpack([layer], as: user)
    let back = try contents(of: directory.path.appending("back.tar"))
    #expect(try entries(of: back) == entries(of: layer))
    #expect(back == layer)
    try Self.expectInvariant(directory.path.appending("tree"), user)
  }

  @Test(.enabled(if: isRoot, "becomes other users"), arguments: users)
  func `later layers go over earlier ones`(_ user: User) throws {
    let upper: [(LayerEntry, String)] = [
      (Self.entry("bin/.wh.seen"), ""),
      (Self.entry("closed/more", .regular, 0o400), "more"),
      (Self.entry("disk"), "a file now"),
      (Self.entry("fixed/sub/.wh..wh..opq"), ""),
      (Self.entry("tag", .directory, 0o711), ""),
      (Self.entry("tail", .hardLink("note"), 0o444), ""),
    ]
    let directory = try Self.unpack([archive(Self.rich), archive(upper)], as: user)
    let back = try entries(of: try contents(of: directory.path.appending("back.tar")))

    let tree = try FileTreeTests.tree([Self.rich.map(\.0), upper.map(\.0)])
    var expected: [PathBytes] = []
    tree.forEach(below: tree.root) { path, _ in if !path.isEmpty { expected.append(path) } }
    #expect(back.map(\.path) == expected)
    let found = Dictionary(uniqueKeysWithValues: back.map { ($0.path, $0) })
    #expect(found["closed"] == Self.rich[3].0)
    #expect(found["tag"] == upper[4].0)
    #expect(found["disk"]?.kind == .regular)
    #expect(found["disk"]?.permissions == 0o644)
    #expect(found["tail"]?.kind == .hardLink("note"))
    try Self.expectInvariant(directory.path.appending("tree"), user)
  }

  /// What follows, and what the tests read, belongs to the user.
  private static func unpack(_ layers: [[UInt8]], as user: User) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (number, layer) in layers.enumerated() {
      try write(layer, to: directory.path.appending("\(number).tar"))
    }
    let program = try linkTarget(of: "/proc/self/exe").parent.appending("RecordedTreeTestProgram")
    try shell(
      """
      cp \(program) program; chmod 755 program; chown -R \(user.uid) .
      umask 077; exec setpriv \(user.words) --bounding-set=-all --inh-caps=-all --no-new-privs \
        ./program .
      """, in: directory.path)
    return directory
  }

  /// Everything belongs to the user, who may read and write it, and runs with nobody else's rights.
  private static func expectInvariant(_ path: PathBytes, _ user: User) throws {
    let status = try FileStatus(of: path)
    #expect(status.uid == user.uid, "\(path)")
    if status.kind == .symbolicLink { return }
    let needed: UInt32 = status.kind == .directory ? 0o700 : 0o600
    #expect(status.permissions & (needed | 0o6000) == needed, "\(path)")
    guard status.kind == .directory else { return }
    for name in try names(inDirectory: path) { try expectInvariant(path.appending(name), user) }
  }

  @Test func `a path may be as long as Linux takes`() throws {
    let directory = try TemporaryDirectory()
    var path = PathBytes([UInt8]())
    var files: [(LayerEntry, String)] = []
    while path.bytes.count < 3840 {
      path = path.appending(PathBytes(Array(repeating: UInt8(ascii: "n"), count: 200)))
      files.append((Self.entry(path, .directory, 0o555), ""))
    }
    let last = PathBytes(Array(repeating: UInt8(ascii: "f"), count: 4095 - path.bytes.count - 1))
    let own = Self.attribute("user.n", [1])
    files.append((Self.entry(path.appending(last), .regular, 0o444, [own]), "deep"))
    let layer = try archive(files)
    let tree = try recordedTree([layer], in: directory.path, FileTree())
    let touched = TouchedPaths()
    touched.add(path.appending(last), .name)
    let changes = try RecordedChanges.read(
      tree: tree.root, records: tree.records, touched: touched, below: FileTree())
    #expect(try changes.entries(unchanged: []) == entries(of: layer))
    let kept = directory.path.appending("kept")
    try makeDirectory(kept)
    try RecordedContent.keep(
      changes.entries(unchanged: []), of: tree.root, records: tree.records, in: kept)
    let file = try FileDescriptor.openBeneath(
      path.appending(last), in: try FileDescriptor.open(kept, flags: O_RDONLY | O_DIRECTORY))
    #expect(try contents(of: file) == Array("deep".utf8))
  }

  // MARK: - Change sets

  @Test func `a change set is put on another tree as hard links, the second time as copies`() throws
  {
    let directory = try TemporaryDirectory()
    let changes: [(LayerEntry, String)] = [
      (Self.entry("d", .directory, 0o750), ""),
      (Self.entry("d/a", .regular, 0o4711), "content"),
      (Self.entry("d/b", .hardLink("d/a"), 0o4711), ""),
      (Self.entry("d/empty"), ""),
      (Self.entry("e", .regular, 0o600, [Self.attribute("trusted.e", [1])]), "e"),
    ]
    let kept = directory.path.appending("kept")
    try makeDirectories(kept.appending("d"))
    for (entry, text) in changes where !text.isEmpty {
      try write(Array(text.utf8), to: kept.appending(entry.path))
      var times = LayerUnpacker.times(entry.modified)
      try retrying("utimens") {
        kept.appending(entry.path).withCString { utimensat(AT_FDCWD, $0, &times, 0) }
      }
    }
    var set = changes.map(\.0)
    for index in set.indices { set[index].sizeInBytes = Int64(changes[index].1.utf8.count) }

    for (number, isLinked) in [true, false].enumerated() {
      let root = directory.path.appending("tree\(number)")
      try makeDirectory(root)
      let records = try FileRecords(creating: directory.path.appending("records\(number)"))
      let tree = FileTree()
      var unpacker = try LayerUnpacker(
        into: root, over: tree, lower: [], style: .recorded(records))
      try unpacker.apply(set, from: kept)
      let inode = try FileStatus(of: kept.appending("e")).inode
      #expect(try (FileStatus(of: root.appending("e")).inode == inode) == isLinked)
      #expect(try contents(of: root.appending("d/b")) == Array("content".utf8))
      #expect(try records.status(of: root.appending("e")).status.linkCount == 1)
      #expect(try records.status(of: root.appending("d/a")).status.linkCount == 2)

      let touched = TouchedPaths()
      touched.add("d", .name)
      touched.add("e", .name)
      let read = try RecordedChanges.read(
        tree: root, records: records, touched: touched, below: FileTree())
      #expect(read.entries(unchanged: []) == set)
    }
  }

  @Test func `content that is kept outlives later commands`() throws {
    let directory = try TemporaryDirectory()
    let below = FileTree()
    let layer = try archive([(.directory("d"), ""), (.file("d/a"), "a"), (.file("b"), "b")])
    var tree = try recordedTree([layer], in: directory.path, below)
    var sets: [(place: PathBytes, entries: [LayerEntry])] = []
    let commands: [[FileOperation]] = [
      [.append("d/a", "1"), .write("n", "n1"), .link("n", "m")],
      [.append("d/a", "2"), .append("n", "2"), .chmod("b", 0o4755)],
      [.remove("d/a"), .rewrite("n"), .move("b", "c")],
    ]
    for (number, operations) in commands.enumerated() {
      tree.beginCommand()
      tree.perform(operations)
      let changes = try RecordedChanges.read(
        tree: tree.root, records: tree.records, touched: tree.touched, below: below)
      let entries = changes.entries(unchanged: Set(changes.undecided.map(\.path)))
      let place = directory.path.appending("set\(number)")
      try makeDirectory(place)
      try RecordedContent.keep(entries, of: tree.root, records: tree.records, in: place)
      below.beginLayer()
      for entry in entries { try below.apply(entry) }
      sets.append((place, entries))
    }
    func text(_ set: Int, _ path: PathBytes) throws -> String {
      String(decoding: try contents(of: sets[set].place.appending(path)), as: UTF8.self)
    }
    #expect(
      sets.map { $0.entries.map(OverlayChangesTests.name) } == [
        ["d/", "d/a", "m", "n=m"], ["b", "d/", "d/a", "n"], [".wh.b", "c", "d/", "d/.wh.a"],
      ])
    #expect(
      try [text(0, "d/a"), text(0, "m"), text(1, "d/a"), text(1, "n")] == [
        "a1", "n1", "a12", "n12",
      ])
    #expect(try [text(1, "b"), text(2, "c")] == ["b", "b"])
    #expect(try contents(of: tree.root.appending("m")) == Array("n1".utf8))
    for name in ["m", "n", "c"] {
      #expect(try tree.records.status(of: tree.root.appending(name)).status.linkCount == 1)
    }
    #expect(try tree.records.status(of: tree.root.appending("c")).status.permissions == 0o4755)
  }
}
