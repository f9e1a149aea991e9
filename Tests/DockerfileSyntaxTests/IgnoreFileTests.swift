// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import Testing

@Suite struct IgnoreFileTests {
  private static let text =
    "\u{FEFF}# comment\r\n  /dist/ \r\n\n!dist/keep\n *.log\n#hidden\n! a b \n"

  @Test(arguments: [
    ("dist", 2, "/dist/"), ("dist/x/y", 2, "/dist/"), ("a.log", 5, "*.log"),
    ("dist/keep", nil, ""), ("src/a.log", nil, ""), ("#hidden", nil, ""), ("comment", nil, ""),
  ])
  func `a path is left out by a line`(path: String, line: Int?, pattern: String) throws {
    let file = try IgnoreFile(parsing: Array(Self.text.utf8), name: ".dockerignore")
    let excluding = file.pattern(excluding: PathBytes(path))
    #expect(excluding?.range.start.line == line)
    #expect((excluding?.text ?? "") == pattern)
  }

  @Test(arguments: [("a\n!\n", 2), ("a\n\n  [x\n", 3), ("a\\", 1)])
  func `a malformed line is refused`(text: String, line: Int) throws {
    let error = #expect(throws: IgnoreFileError.self) {
      try IgnoreFile(parsing: Array(text.utf8), name: "x")
    }
    #expect(try #require(error).diagnostic.range?.start.line == line)
  }
}
