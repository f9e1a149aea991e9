// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import RecordedFiles
import TestSupport
import Testing

@Suite struct TouchedPathsTests {
  @Test func `a path is kept once, with all that was done to it`() {
    let touched = TouchedPaths()
    touched.add("etc/passwd", .content)
    touched.add("etc/passwd", .metadata)
    touched.add("", .metadata)
    touched.add("etc", .name)
    #expect(touched.count == 3)
    #expect(touched.touch(of: "etc/passwd") == [.content, .metadata])
    #expect(touched.touch(of: "") == .metadata)
    #expect(touched.touch(of: "etc/shadow") == [])
  }

  @Test func `paths come as a tree is walked`() {
    let touched = TouchedPaths()
    for path in ["b", "a/c", "a-b", "a/b/x", "a/b", "", "a/b.c", "a", "a\u{1}"] {
      touched.add(PathBytes(path), .name)
    }
    #expect(
      touched.sorted.map(\.path.description)
        == ["", "a", "a/b", "a/b/x", "a/b.c", "a/c", "a\u{1}", "a-b", "b"])
  }

  @Test func `a file of paths is read as it was written`() throws {
    let directory = try TemporaryDirectory()
    let touched = TouchedPaths()
    let odd = PathBytes([0x61, 0xFF, 0x0A, 0x2F, 0xFE])
    touched.add(odd, .content)
    touched.add("", .metadata)
    for number in 0..<5_000 { touched.add(PathBytes("usr/lib/\(number)/file"), .name) }
    try touched.write(to: directory.appending("touched"))
    let read = try TouchedPaths.read(from: directory.appending("touched"))
    #expect(read.count == 5_002)
    #expect(read.touch(of: odd) == .content)
    #expect(read.sorted.map(\.path) == touched.sorted.map(\.path))
    #expect(read.sorted.map(\.touch) == touched.sorted.map(\.touch))
  }

  @Test func `every damaged file of paths is refused`() throws {
    let directory = try TemporaryDirectory()
    let touched = TouchedPaths()
    for name in ["a", "bc", "def"] { touched.add(PathBytes(name), .name) }
    let path = directory.appending("touched")
    try touched.write(to: path)
    let bytes = try contents(of: path)
    let damaged =
      (0..<bytes.count).map { Array(bytes[..<$0]) } + [bytes + [0]]
      + (0..<16).map { index in
        bytes.enumerated().map { $0.offset == index ? ~$0.element : $0.element }
      }
    for bytes in damaged {
      try directory.write("touched", bytes)
      #expect(throws: FileRecordsError.self) { _ = try TouchedPaths.read(from: path) }
    }
  }
}
