// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import BuildExecution

@Suite struct ContextSourcesTests {
  private func sources(_ bench: Bench, ignoring patterns: [String] = []) throws -> ContextSources {
    let context = try BuildContext(
      directory: bench.context, filter: try PathFilter(patterns: patterns))
    return ContextSources(context: context, range: somewhere)
  }

  /// What `COPY word /d/` would lay out.
  private func copied(_ word: String, _ bench: Bench, ignoring patterns: [String] = []) throws
    -> [String]
  {
    bench.filter = try PathFilter(patterns: patterns)
    let sources = try sources(bench, ignoring: patterns)
    var layout = CopyLayout(
      tree: .init(),
      attributes: .init(owner: nil, mode: nil, impliedTime: FileTime(seconds: 0)), at: somewhere)
    for path in try sources.matches(word) {
      let isDirectory = sources.isDirectory(path)
      try sources.add(
        path, to: &layout, at: isDirectory ? "d" : PathBytes("d").appending(path.name))
    }
    return layout.items.values.map { line(of: $0.entry) }.sorted().filter { $0 != "d 0755 0:0 d" }
  }

  struct Glob: Sendable, CustomTestStringConvertible {
    var word: String
    var ignoring: [String] = []
    var matches: [PathBytes]
    var testDescription: String { "\(word) without \(ignoring)" }
  }

  @Test(arguments: [
    Glob(word: "*.txt", matches: ["a.txt", "b.txt"]),
    Glob(word: "?.txt", matches: ["a.txt", "b.txt"]),
    Glob(word: "[^a].txt", matches: ["b.txt"]),
    Glob(word: "*/c.txt", matches: ["sub/c.txt"]),
    Glob(word: "**/*.txt", matches: ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"]),
    Glob(word: "sub/*", matches: ["sub/c.txt", "sub/deep"]),
    Glob(word: "s*", matches: ["sub"]),
    Glob(word: "\\[odd\\]", matches: ["[odd]"]),
    Glob(word: "", matches: [""]),
    Glob(word: "*.txt", ignoring: ["a.*"], matches: ["b.txt"]),
    Glob(word: "*.txt", ignoring: ["*", "!b.txt"], matches: ["b.txt"]),
    Glob(word: "sub/*", ignoring: ["sub", "!sub/deep/d.txt"], matches: ["sub/deep"]),
    Glob(
      word: "sub/deep/d.txt", ignoring: ["sub", "!sub/deep/d.txt"], matches: ["sub/deep/d.txt"]),
  ])
  func `a word names files`(_ c: Glob) throws {
    let bench = try Bench()
    for name in ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt", "[odd]"] { try bench.file(name) }
    #expect(try sources(bench, ignoring: c.ignoring).matches(c.word) == c.matches)
  }

  struct Missing: Sendable, CustomTestStringConvertible {
    var word: String
    var ignoring: [String] = []
    var error: ExecutionError
    var testDescription: String { "\(word) without \(ignoring)" }

    static func ignored(_ word: String, _ ignoring: [String], rule: Int, path: PathBytes) -> Missing
    {
      Missing(
        word: word, ignoring: ignoring,
        error: .sourceNotFound(
          pattern: word, origin: "the build context",
          excludedBy: ExecutionError.Exclusion(rule: rule, path: path), at: somewhere))
    }
  }

  @Test(arguments: [
    Missing(
      word: "absent",
      error: .sourceNotFound(
        pattern: "absent", origin: "the build context", excludedBy: nil, at: somewhere)),
    Missing(word: "dangling", error: .danglingSource(pattern: "dangling", at: somewhere)),
    Missing(word: "outside", error: .danglingSource(pattern: "outside", at: somewhere)),
    Missing(word: "climbing", error: .danglingSource(pattern: "climbing", at: somewhere)),
    Missing(word: "loop", error: .danglingSource(pattern: "loop", at: somewhere)),
    .ignored("file", ["file"], rule: 0, path: "file"),
    .ignored("dir/file", ["a", "dir", "!dir/other"], rule: 1, path: "dir/file"),
    .ignored("dir", ["dir", "!dir/absent"], rule: 0, path: "dir"),
    .ignored("to-file", ["file"], rule: 0, path: "file"),
    .ignored("to-file", ["*", "!to-file"], rule: 0, path: "file"),
    .ignored("to-dir/file", ["dir/file"], rule: 0, path: "dir/file"),
    .ignored("to-file", ["to-*"], rule: 0, path: "to-file"),
  ])
  func `a source that is not there says why`(_ c: Missing) throws {
    let bench = try Bench()
    try bench.file("file")
    try bench.file("dir/file")
    try bench.link("to-file", to: "file")
    try bench.link("to-dir", to: "dir")
    try bench.link("dangling", to: "nowhere")
    try bench.link("outside", to: "/etc/passwd")
    try bench.link("climbing", to: "../store/oci-layout")
    try bench.link("loop", to: "loop")
    #expect(throws: c.error) { try copied(c.word, bench, ignoring: c.ignoring) }
  }

  @Test func `a pattern may match nothing`() throws {
    let bench = try Bench()
    try bench.file("dir/file")
    #expect(try copied("*.absent", bench) == [])
    #expect(try copied("dir/*", bench, ignoring: ["dir"]) == [])
  }

  @Test func `links are followed within the context, as if it were the root`() throws {
    let bench = try Bench()
    try bench.file("etc/passwd", "mine")
    try bench.link("absolute", to: "/etc/passwd")
    try bench.link("climbing", to: "../../etc")
    #expect(try copied("absolute", bench) == ["- 0644 0:0 d/absolute"])
    #expect(try copied("climbing", bench) == ["- 0644 0:0 d/passwd"])
    #expect(try copied("../../etc/passwd", bench) == ["- 0644 0:0 d/passwd"])
  }

  @Test func `links within a directory stay links`() throws {
    let bench = try Bench()
    try bench.file("tree/file")
    try bench.link("tree/link", to: "/etc/passwd")
    #expect(try copied("tree", bench) == ["- 0644 0:0 d/file", "l d/link -> /etc/passwd"])
  }

  @Test func `names of one file become hard links`() throws {
    let bench = try Bench()
    try bench.file("tree/b", "text")
    try makeDirectories(bench.context.appending("tree/sub"))
    try hardLink(bench.context.appending("tree/b"), bench.context.appending("tree/sub/c"))
    #expect(
      try copied("tree", bench) == ["- 0644 0:0 d/b", "d 0755 0:0 d/sub", "h d/sub/c => d/b"])
  }

  @Test func `a FIFO comes along, a socket stays behind`() throws {
    let bench = try Bench()
    try makeNode(bench.context.appending("fifo"), S_IFIFO)
    try makeNode(bench.context.appending("socket"), S_IFSOCK)
    #expect(try copied("", bench) == ["p 0644 0:0 d/fifo"])
  }

  @Test func `an ignored directory comes only with what is taken back in`() throws {
    let bench = try Bench()
    for name in ["keep/a", "keep/b", "drop/c", "drop/sub/d"] { try bench.file(name) }
    #expect(
      try copied("", bench, ignoring: ["*", "!keep/a"]) == [
        "- 0644 0:0 d/keep/a", "d 0755 0:0 d/keep",
      ])
    #expect(
      try copied("", bench, ignoring: ["drop", "!drop/sub/d", "keep"])
        == ["- 0644 0:0 d/drop/sub/d", "d 0755 0:0 d/drop", "d 0755 0:0 d/drop/sub"])
  }

  @Test func `what a linked directory holds is ignored by its own name`() throws {
    let bench = try Bench()
    try bench.file("real/secret")
    try bench.file("real/open")
    try bench.link("link", to: "real")
    #expect(try copied("link", bench, ignoring: ["real/secret"]) == ["- 0644 0:0 d/open"])
    #expect(try sources(bench, ignoring: ["real/secret"]).matches("link/*") == ["link/open"])
  }

  @Test func `a file that becomes a link under our hands is not followed`() throws {
    let bench = try Bench()
    try bench.file("file")
    try bench.file("dir/file")
    let context = try BuildContext(directory: bench.context)
    let (file, inside) = (
      try #require(context.resolve("file")), try #require(context.resolve("dir/file"))
    )
    try removeFile(bench.context.appending("file"))
    try bench.link("file", to: "/etc/passwd")
    try removeTree(bench.context.appending("dir"))
    try bench.link("dir", to: "/etc")
    #expect(throws: SystemError.self) { _ = try context.open(file) }
    #expect(throws: SystemError.self) { _ = try context.open(inside) }
  }

  @Test(arguments: ["store", "a/b/store", "[odd]*"])
  func `what the builder keeps in the context does not show`(_ place: String) throws {
    let bench = try Bench()
    let names = place.split(separator: "/")
    try bench.file(place + "/blob")
    try bench.file(names.dropLast().joined(separator: "/") + "/store2/file")
    try bench.link("to-context", to: ".")
    let context = try BuildContext(
      directory: bench.context.appending("to-context"),
      hiding: bench.context.appending("to-context").appending(place))
    let parent = PathBytes(names.dropLast().joined(separator: "/"))
    let shown = try context.names(in: parent).map(\.description)
    #expect(shown.contains("store2"))
    #expect(!shown.contains(String(names.last ?? "")))
  }

  @Test func `a builder's place outside, or the context itself, hides nothing`() throws {
    let bench = try Bench()
    try bench.file("file")
    for place: PathBytes in [bench.context, bench.context.parent, "/tmp"] {
      let context = try BuildContext(directory: bench.context, hiding: place)
      #expect(try context.names(in: "") == ["file"])
    }
  }
}
