// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Layers
import LinuxSystem
import Testing

@testable import BuildExecution

@Suite struct CopyLayoutTests {
  /// `/opt` of 33, links to it and to nowhere, a file.
  private func tree() throws -> FileTree {
    let tree = FileTree()
    tree.beginLayer()
    for file in [
      TarFile.directory("opt", mode: 0o700, owner: (33, 33)), .file("opt/old", "old"),
      .special("link", .symbolicLink("/opt")), .special("up", .symbolicLink("../../opt/new")),
      .special("file-link", .symbolicLink("opt/old")), .special("circle", .symbolicLink("circle")),
    ] { try tree.apply(file.entry) }
    return tree
  }

  private func layout(owner: (uid: UInt32, gid: UInt32)? = nil, mode: UInt32? = nil) throws
    -> CopyLayout
  {
    CopyLayout(
      tree: try tree(),
      attributes: CopyLayout.Attributes(
        owner: owner, mode: mode.map(FileMode.exact), impliedTime: FileTime(seconds: 5)),
      at: somewhere)
  }

  private func lines(_ layout: CopyLayout) -> [String] {
    layout.items.values.map { line(of: $0.entry) }.sorted()
  }

  struct Place: Sendable, CustomTestStringConvertible {
    var destination: PathBytes
    var place: PathBytes
    var isDirectory: Bool
    var testDescription: String { destination.description }
  }

  @Test(arguments: [
    Place(destination: "", place: "", isDirectory: true),
    Place(destination: "opt", place: "opt", isDirectory: true),
    Place(destination: "link", place: "opt", isDirectory: true),
    Place(destination: "link/sub", place: "opt/sub", isDirectory: false),
    Place(destination: "file-link", place: "opt/old", isDirectory: false),
    Place(destination: "up", place: "opt/new", isDirectory: false),
    Place(destination: "absent/here", place: "absent/here", isDirectory: false),
    Place(destination: "circle", place: "circle", isDirectory: false),
  ])
  func `a destination is where its links lead`(_ c: Place) throws {
    let place = try layout().place(of: c.destination)
    #expect(place.path == c.place)
    #expect(place.isDirectory == c.isDirectory)
  }

  @Test func `the destination keeps its mode and owner, a directory below becomes like its source`()
    throws
  {
    var layout = try layout(owner: (1, 2))
    #expect(try layout.addTarget("opt") == "opt")
    #expect(layout.items.isEmpty)
    let source = TarFile.directory("x", mode: 0o711).entry
    #expect(try layout.addDirectory(source, at: "opt") == "opt")
    #expect(try layout.addDirectory(source, at: "opt/new") == "opt/new")
    #expect(lines(layout) == ["d 0711 1:2 opt", "d 0711 1:2 opt/new"])
  }

  @Test func `a directory behind a link takes content, and stays as it is`() throws {
    var layout = try layout()
    #expect(try layout.addDirectory(TarFile.directory("x").entry, at: "link") == "opt")
    #expect(layout.items.isEmpty)
    #expect(throws: ExecutionError.destinationIsNotADirectory("file-link", at: somewhere)) {
      try layout.addDirectory(TarFile.directory("x").entry, at: "file-link")
    }
  }

  @Test func `parents that are missing belong to the owner of the copy, with its mode`() throws {
    var layout = try layout(owner: (1, 2), mode: 0o600)
    try layout.addParents(of: "opt/a/b/file")
    try layout.add(TarFile.file("file").entry, content: .none, at: "opt/a/b/file")
    #expect(lines(layout) == ["- 0600 1:2 opt/a/b/file", "d 0600 1:2 opt/a", "d 0600 1:2 opt/a/b"])
  }

  @Test func `a file takes the place of a file and of a link, not of a directory`() throws {
    var layout = try layout()
    try layout.add(TarFile.file("f").entry, content: .none, at: "opt/old")
    try layout.add(TarFile.file("f").entry, content: .none, at: "link")
    #expect(lines(layout) == ["- 0644 0:0 link", "- 0644 0:0 opt/old"])
    #expect(throws: ExecutionError.destinationIsADirectory("opt", at: somewhere)) {
      try layout.add(TarFile.file("f").entry, content: .none, at: "opt")
    }
  }

  @Test func `a directory does not take the place of a file, nor lie below one`() throws {
    var layout = try layout()
    #expect(throws: ExecutionError.destinationIsNotADirectory("opt/old", at: somewhere)) {
      try layout.addDirectory(TarFile.directory("d").entry, at: "opt/old")
    }
    #expect(throws: ExecutionError.destinationIsNotADirectory("opt/old", at: somewhere)) {
      try layout.addParents(of: "opt/old/below")
    }
    try layout.add(TarFile.file("f").entry, content: .none, at: "opt/new")
    #expect(throws: ExecutionError.destinationIsNotADirectory("opt/new", at: somewhere)) {
      try layout.addParents(of: "opt/new/below")
    }
  }

  @Test(arguments: [".wh.name", ".wh..wh..opq", ".wh."])
  func `names of whiteouts are refused`(_ name: String) throws {
    var layout = try layout()
    let path = PathBytes("opt").appending(name)
    #expect(throws: ExecutionError.reservedName(path, at: somewhere)) {
      try layout.add(TarFile.file("f").entry, content: .none, at: path)
    }
    #expect(throws: ExecutionError.reservedName(path, at: somewhere)) {
      try layout.addDirectory(TarFile.directory("d").entry, at: path)
    }
  }

  struct Powers: Sendable, CustomTestStringConvertible {
    var mode: UInt32
    var expected: UInt32
    var testDescription: String { String(mode, radix: 8) }
  }

  @Test(arguments: [
    Powers(mode: 0o4755, expected: 0o755), Powers(mode: 0o2755, expected: 0o755),
    Powers(mode: 0o2745, expected: 0o2745), Powers(mode: 0o1644, expected: 0o1644),
  ])
  func `a new owner is not handed set-ids and capabilities`(_ c: Powers) throws {
    var entry = TarFile.file("f", mode: c.mode).entry
    entry.attributes = [
      ExtendedAttribute(name: "security.capability", value: [1]),
      ExtendedAttribute(name: "user.note", value: [2]),
    ]
    var owned = try layout(owner: (1, 2))
    try owned.add(entry, content: .none, at: "f")
    let file = try #require(owned.items["f"]?.entry)
    #expect(file.permissions == c.expected)
    #expect(file.attributes.map(\.name) == ["user.note"])

    var kept = try layout()
    try kept.add(entry, content: .none, at: "f")
    #expect(kept.items["f"]?.entry.permissions == c.mode)
    #expect(kept.items["f"]?.entry.attributes.count == 2)
  }

  @Test func `a mode is given to all but links`() throws {
    var layout = try layout(mode: 0o4711)
    try layout.add(TarFile.special("l", .symbolicLink("x")).entry, content: .none, at: "l")
    _ = try layout.addDirectory(TarFile.directory("d").entry, at: "d")
    #expect(layout.items["l"]?.entry.permissions == 0o777)
    #expect(layout.items["d"]?.entry.permissions == 0o4711)
  }
}
