// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@Suite struct PathFilterTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var patterns: [String]
    var path: String
    var excludedBy: Int?
    var testDescription: String { "\(path) with \(patterns)" }
  }

  @Test(arguments: [
    Case(patterns: ["!fileutils.go", "*.go"], path: "fileutils.go", excludedBy: 1),
    Case(patterns: ["*.go", "!fileutils.go"], path: "fileutils.go", excludedBy: nil),
    Case(patterns: ["docs", "!docs/README.md"], path: "docs/README.md", excludedBy: nil),
    Case(patterns: ["docs/", "!docs/README.md"], path: "docs/other", excludedBy: 0),
    Case(patterns: ["docs/*", "!docs/README.md"], path: "docs/README.md", excludedBy: nil),
    Case(patterns: ["**", "!util/docker/web"], path: "util/docker/web/foo", excludedBy: nil),
    Case(
      patterns: ["**", "!util/docker/web", "util/docker/web/foo"], path: "util/docker/web/foo",
      excludedBy: 2),
    Case(patterns: ["**", "!dist/*.whl"], path: "dist/a.whl", excludedBy: nil),
    Case(patterns: ["**", "!dist/*.whl"], path: "dist/a.txt", excludedBy: 0),
    Case(patterns: [".", "/"], path: "a", excludedBy: nil),
    Case(patterns: ["/a"], path: "a/b", excludedBy: 0),
    Case(patterns: [], path: "a", excludedBy: nil),
  ])
  func `the last pattern that matches decides`(_ c: Case) throws {
    let filter = try PathFilter(patterns: c.patterns)
    #expect(filter.excludingPattern(of: PathBytes(c.path)) == c.excludedBy)
    #expect(filter.excludes(PathBytes(c.path)) == (c.excludedBy != nil))
  }

  @Test(arguments: [
    (["a", "!a/b/c"], "a", true), (["a", "!a/b/c"], "a/x", false), (["!a/b", "a"], "a", false),
    (["*", "!**/keep"], "deep/down", true), (["a"], "b", true), (["a", "!b"], "a", false),
  ])
  func `a walk knows which directories to enter`(
    patterns: [String], directory: String, enters: Bool
  ) throws {
    let filter = try PathFilter(patterns: patterns)
    #expect(filter.mayInclude(below: PathBytes(directory)) == enters)
  }

  /// The promise a walk relies on, for every small pattern list and path.
  @Test func `nothing that stays in lies below a directory that is skipped`() throws {
    let pieces = ["a", "b", "*", "**", "a*"]
    let patterns = pieces + pieces.flatMap { a in pieces.map { "\(a)/\($0)" } }
    let names = ["a", "b", "ab"]
    let paths = names.flatMap { a in names.flatMap { b in names.map { [a, b, $0] } } }
    for first in patterns {
      for second in patterns {
        let filter = try PathFilter(patterns: [first, "!" + second])
        for path in paths where !filter.excludes(PathBytes(path.joined(separator: "/"))) {
          for length in 1...2 {
            let parent = PathBytes(path.prefix(length).joined(separator: "/"))
            #expect(filter.mayInclude(below: parent), "\(first) !\(second) \(path)")
          }
        }
      }
    }
  }
}
