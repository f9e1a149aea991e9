// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@testable import Layers

@Suite struct FileTreeTests {
  /// A stack of layers, and the paths that are left with the number of the layer they come from.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var layers: [[LayerEntry]]
    var expected: [String]

    init(_ description: String, _ layers: [LayerEntry]..., leaves expected: String...) {
      (testDescription, self.layers, self.expected) = (description, layers, expected)
    }
  }

  static func tree(_ layers: [[LayerEntry]]) throws -> FileTree {
    let tree = FileTree()
    for layer in layers {
      tree.beginLayer()
      for entry in layer { try tree.apply(entry) }
    }
    return tree
  }

  static let lower: [LayerEntry] = [.directory("d"), .file("d/a"), .file("d/b"), .file("d/s/c")]
  static let cases = [
    Case("directories nobody named", [.file("a/b/c")], leaves: "a 0", "a/b 0", "a/b/c 0"),
    Case(
      "a directory named again keeps its content", [.file("d/a")], [.directory("d")],
      leaves: "d 1", "d/a 0"),
    Case("a file replaces a directory", lower, [.file("d")], leaves: "d 1"),
    Case(
      "a directory replaces a file", [.file("d")], [.directory("d"), .file("d/x")],
      leaves: "d 1", "d/x 1"),
    Case(
      "a whiteout of a file", lower, [.file("d/.wh.a")], leaves: "d 0", "d/b 0", "d/s 0", "d/s/c 0"),
    Case("a whiteout of a directory", lower, [.file(".wh.d")]),
    Case(
      "a whiteout of nothing", [.file("a")], [.file(".wh.b"), .file("no/.wh.b")], leaves: "a 0"),
    Case(
      "a whiteout does not hide its own layer's file", [.file("a")], [.file("a"), .file(".wh.a")],
      leaves: "a 1"),
    Case(
      "a whiteout before its own layer's file", lower, [.file(".wh.d"), .file("d/x")],
      leaves: "d 1", "d/x 1"),
    Case(
      "a whiteout behind its own layer's directory", lower, [.file("d/x"), .file(".wh.d")],
      leaves: "d 0", "d/x 1"),
    Case(
      "an opaque marker before its siblings", lower, [.file("d/.wh..wh..opq"), .file("d/b")],
      leaves: "d 0", "d/b 1"),
    Case(
      "an opaque marker behind its siblings", lower, [.file("d/b"), .file("d/.wh..wh..opq")],
      leaves: "d 0", "d/b 1"),
    Case(
      "an opaque marker and a directory of both layers", lower,
      [.file("d/s/new"), .file("d/.wh..wh..opq")], leaves: "d 0", "d/s 0", "d/s/new 1"),
    Case(
      "an opaque root", lower, [.file("x"), .file(".wh..wh..opq")], leaves: "x 1"),
    Case(
      "an opaque directory nobody has", [], [.file("n/.wh..wh..opq")], leaves: "n 1"),
    Case(
      "an entry through a link", [.directory("real"), .symbolicLink("l", "real")], [.file("l/x")],
      leaves: "l 0", "real 0", "real/x 1"),
    Case(
      "an entry through an absolute link upwards",
      [.directory("d/real"), .symbolicLink("d/l", "/../../d/real")], [.file("d/l/x")],
      leaves: "d 0", "d/l 0", "d/real 0", "d/real/x 1"),
    Case(
      "an entry through a link to nothing", [.symbolicLink("l", "a/b")], [.file("l/x")],
      leaves: "a 1", "a/b 1", "a/b/x 1", "l 0"),
    Case(
      "a link is replaced, not followed", [.directory("r"), .symbolicLink("l", "r")], [.file("l")],
      leaves: "l 1", "r 0"),
    Case(
      "a whiteout through a link", [.file("r/a"), .symbolicLink("l", "r")], [.file("l/.wh.a")],
      leaves: "l 0", "r 0"),
    Case(
      "a hard link across layers stays behind an opaque marker", lower,
      [.hardLink("d/n", "d/a"), .file("d/.wh..wh..opq")], leaves: "d 0", "d/n 0"),
    Case(
      "a hard link across layers is not hidden by a whiteout of its layer",
      [.file("a"), .file("b")],
      [.hardLink("b", "a"), .file(".wh.b"), .file(".wh.a")], leaves: "b 0"),
  ]

  @Test(arguments: cases)
  func `layers are applied`(_ c: Case) throws {
    let tree = try Self.tree(c.layers)
    var found: [String] = []
    tree.forEach(below: tree.root) { path, node in
      if !path.isEmpty { found.append("\(path) \(node.inode.layer)") }
    }
    #expect(found.sorted() == c.expected)
  }

  @Test func `names of one file share an inode`() throws {
    let tree = try Self.tree([
      [.file("a"), .hardLink("b", "a")], [.hardLink("c", "b"), .file("a")],
    ])
    let nodes = ["a", "b", "c"].compactMap { tree.resolve(PathBytes($0)).node }
    #expect(nodes.count == 3)
    #expect(nodes[1].inode === nodes[2].inode)
    #expect(nodes[0].inode !== nodes[1].inode)
    #expect(nodes[2].layer == 1 && nodes[2].inode.layer == 0)
  }

  @Test(arguments: [
    ("d/a", "d/a", true), ("d/../d/./a", "d/a", true), ("../../d", "d", true),
    ("up/a", "d/a", true), ("abs", "d", true), ("loop", "loop", false), ("loop/x", "loop/x", false),
    ("self", "self", false), ("gone", "no/where", false), ("gone/../d", "no/d", false),
    ("d/a/..", "d", true), ("", "", true), ("no/../d", "d", true),
  ])
  func `a path is resolved as the kernel would`(_ path: String, _ expected: String, _ isThere: Bool)
    throws
  {
    let tree = try Self.tree([
      [
        .file("d/a"), .symbolicLink("d/up", ".."), .symbolicLink("up", "d/up/d"),
        .symbolicLink("abs", "/../d"), .symbolicLink("loop", "pool"), .symbolicLink("pool", "loop"),
        .symbolicLink("self", "self/x"), .symbolicLink("gone", "no/where"),
      ]
    ])
    let found = tree.resolve(PathBytes(path))
    #expect((found.node != nil) == isThere)
    if isThere || !["loop", "loop/x", "self"].contains(path) {
      #expect(found.path.description == expected)
    }
  }

  @Test func `a directory that was not named is root's, as old as its first file`() throws {
    var file = LayerEntry.file("d/f")
    file.modified = FileTime(seconds: 7)
    let entry = try #require(try Self.tree([[file]]).resolve("d").node?.entry)
    #expect(entry == .implicitDirectory("d", modified: FileTime(seconds: 7)))
  }
}
