// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@Suite struct PathBytesTests {
  @Test func `bytes decide equality and order, not characters`() {
    let composed = PathBytes([0xC3, 0xA1])
    let decomposed = PathBytes([0x61, 0xCC, 0x81])
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(PathBytes([0xFF]) != PathBytes([0xFE]))
    let sorted: [PathBytes] = ["", "a", "a/b", "aa", "b"]
    #expect(sorted.reversed().sorted() == sorted)
    #expect(PathBytes([0x7F]) < PathBytes([0x80]))
  }

  struct Parts: Sendable, CustomTestStringConvertible {
    var path: String
    var parent: PathBytes
    var name: PathBytes
    var components: [PathBytes]
    var testDescription: String { path }
  }

  @Test(arguments: [
    Parts(path: "", parent: "", name: "", components: []),
    Parts(path: "/", parent: "", name: "", components: []),
    Parts(path: "a", parent: "", name: "a", components: ["a"]),
    Parts(path: "/a", parent: "", name: "a", components: ["a"]),
    Parts(path: "/a/b", parent: "/a", name: "b", components: ["a", "b"]),
    Parts(path: "./a//../b", parent: "./a//..", name: "b", components: ["a", "..", "b"]),
    Parts(path: "...", parent: "", name: "...", components: ["..."]),
  ])
  func `a path falls into parts`(_ c: Parts) {
    let path = PathBytes(c.path)
    #expect(path.parent == c.parent)
    #expect(path.name == c.name)
    #expect(path.components == c.components)
  }

  @Test(arguments: [
    ("a", "b", "a/b"), ("a/", "b", "a/b"), ("", "b", "b"), ("a", "", "a"), ("/", "b", "/b"),
  ])
  func `paths are joined by one slash`(_ a: String, _ b: String, expected: String) {
    #expect(PathBytes(a).appending(b) == PathBytes(expected))
  }

  @Test(arguments: [
    ("", ""), ("/", ""), ("..", ""), ("/../..", ""), ("a/../b", "b"), ("a/../../b", "b"),
    ("./a//b/.", "a/b"), ("/a/b/../c/", "a/c"), ("a/...", "a/..."),
  ])
  func `dot dot ends at the root`(_ text: String, expected: String) {
    #expect(PathBytes(text).normalizedInRoot == PathBytes(expected))
  }

  @Test(arguments: [
    ("a/b", "a", true), ("a", "a", true), ("ab", "a", false), ("a", "a/b", false),
    ("/a", "/", true), ("x", "", true), ("/", "/", true),
  ])
  func `a path lies within a directory, or not`(
    _ path: String, _ directory: String, expected: Bool
  ) {
    #expect(PathBytes(path).isWithin(PathBytes(directory)) == expected)
  }
}
