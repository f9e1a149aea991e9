// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Images
import LinuxSystem
import Testing

@testable import BuildExecution

@Suite struct AddTests {
  private func add(_ source: String, to destination: String, owner: String? = nil) -> Step {
    copy(source, to: destination, owner: owner, unpacks: true)
  }

  @Test func `an archive is laid out, its root left aside`() async throws {
    let bench = try Bench()
    try bench.archive(
      "a.tar.gz",
      [
        .directory("", mode: 0o700, owner: (9, 9)), .directory("sub", mode: 0o750, owner: (1, 2)),
        .file("sub/one", "1", mode: 0o4755, owner: (3, 4)), .special("link", .symbolicLink("sub")),
        .special("hard", .hardLink("sub/one")), .special("again", .hardLink("hard")),
        .special("fifo", .fifo),
      ])
    let built = try await bench.run(stage(add("a.tar.gz", to: "/new/")))
    #expect(
      try bench.files(in: built) == [
        "d 0755 0:0 new", "d 0750 1:2 new/sub", "p 0777 0:0 new/fifo", "l new/link -> sub",
        "- 4755 3:4 new/sub/one \"1\"", "h new/again => new/sub/one", "h new/hard => new/sub/one",
      ])
  }

  @Test func `links of the archive and of the image are followed`() async throws {
    let bench = try Bench()
    let base = try bench.image(
      "base", [.directory("usr"), .directory("usr/lib"), .special("lib", .symbolicLink("usr/lib"))])
    try bench.archive(
      "a.tar",
      [
        .directory("lib"), .file("lib/a", "A"), .special("own", .symbolicLink("/usr")),
        .file("own/b", "B"), .special("h", .hardLink("own/b")),
      ])
    let built = try await bench.run(stage(on: .image(base), add("a.tar", to: "/")))
    #expect(
      try bench.files(in: built)
        == [
          "d 0755 0:0 usr", "d 0755 0:0 usr/lib", "l own -> /usr", "- 0644 0:0 usr/lib/a \"A\"",
          "- 0644 0:0 usr/b \"B\"", "h h => usr/b",
        ].sortedAsWritten(like: try bench.files(in: built)))
  }

  @Test func `nothing of an archive leaves the image`() async throws {
    let bench = try Bench()
    try bench.archive(
      "a.tar", [.special("out", .symbolicLink("../../../../../../tmp")), .file("out/evil", "E")])
    let built = try await bench.run(stage(add("a.tar", to: "/d/")))
    #expect(try bench.files(in: built).contains("- 0644 0:0 tmp/evil \"E\""))
  }

  struct Plain: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var content: String
  }

  @Test(arguments: [
    Plain(testDescription: "text", content: "no archive"),
    Plain(testDescription: "empty", content: ""),
    Plain(testDescription: "zeros", content: String(repeating: "\0", count: 1024)),
    Plain(testDescription: "almost gzip", content: "\u{1F}\u{8B}"),
    Plain(testDescription: "a block of text", content: String(repeating: "text", count: 300)),
  ])
  func `what is no archive is copied as it is`(_ c: Plain) async throws {
    let bench = try Bench()
    try bench.file("file", c.content)
    let built = try await bench.run(stage(add("file", to: "/d/")))
    let line = "- 0644 0:0 d/file" + (c.content.isEmpty ? "" : " \"\(c.content)\"")
    #expect(try bench.files(in: built) == ["d 0755 0:0 d", line])
  }

  @Test func `the owner of the step is the owner of what it unpacks`() async throws {
    let bench = try Bench()
    try bench.archive("a.tar", [.file("f", owner: (3, 4))])
    let built = try await bench.run(stage(add("a.tar", to: "/d/", owner: "1:2")))
    #expect(try bench.files(in: built) == ["d 0755 1:2 d", "- 0644 1:2 d/f"])
  }

  @Test func `an ignored archive is not reached through a link`() async throws {
    let bench = try Bench()
    try bench.archive("a.tar", [.file("f")])
    try bench.link("link", to: "a.tar")
    bench.filter = try PathFilter(patterns: ["a.tar"])
    await #expect(throws: ExecutionError.self) {
      try await bench.run(stage(add("link", to: "/d/")))
    }
  }

  @Test func `a truncated archive is an error and leaves nothing`() async throws {
    let bench = try Bench()
    let text = String(repeating: "0123456789abcdef", count: 1 << 16)
    try bench.archive("whole.tar", [.file("f", text)])
    let bytes = try contents(of: bench.context.appending("whole.tar"))
    try bench.file("cut.tar")
    try FileDescriptor.open(bench.context.appending("cut.tar"), flags: 1)
      .writeAll(Array(bytes[..<(bytes.count / 2)]))
    await #expect(throws: (any Error).self) {
      try await bench.run(stage(add("cut.tar", to: "/d/")))
    }
    #expect(try bench.leftovers() == [])
  }
}

extension [String] {
  /// The same lines in the order of `others`, when they are the same.
  fileprivate func sortedAsWritten(like others: [String]) -> [String] {
    sorted() == others.sorted() ? others : self
  }
}
