// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Images
import LinuxSystem
import OCI
import Synchronization
import Testing

@testable import BuildExecution

@Suite struct ExecutorTests {
  @Test func `COPY makes one layer that stands on its own`() async throws {
    let bench = try Bench()
    try bench.file("app/b", "two", mode: 0o600)
    try bench.file("app/a", "one", mode: 0o755)
    try bench.directory("app/empty", mode: 0o1777)
    try bench.directory("app", mode: 0o700)
    let base = try bench.image("base", [.directory("opt", mode: 0o750, owner: (3, 4))])
    let built = try await bench.run(stage(on: .image(base), copy("app", to: "/opt/app")))
    #expect(
      try bench.files(in: built) == [
        "d 0750 3:4 opt", "d 0755 0:0 opt/app", "d 1777 0:0 opt/app/empty",
        "- 0755 0:0 opt/app/a \"one\"", "- 0600 0:0 opt/app/b \"two\"",
      ])
    #expect(built.layers.count == 2)
    #expect(built.image.configuration.diffIDs == built.layers.map(\.diffID))
  }

  @Test func `a source that ends in a file goes where the destination says`() async throws {
    let bench = try Bench()
    try bench.file("one", "1")
    try bench.file("two", "2")
    let built = try await bench.run(
      stage(
        copy("one", to: "/d/"), copy("one", to: "/d/as"), copy("one", to: "/d"),
        copy("*", to: "/all")))
    #expect(
      try built.layers.map(bench.files) == [
        ["d 0755 0:0 d", "- 0644 0:0 d/one \"1\""],
        ["d 0755 0:0 d", "- 0644 0:0 d/as \"1\""],
        ["d 0755 0:0 d", "- 0644 0:0 d/one \"1\""],
        ["d 0755 0:0 all", "- 0644 0:0 all/one \"1\"", "- 0644 0:0 all/two \"2\""],
      ])
  }

  @Test func `links of the base lead the way`() async throws {
    let bench = try Bench()
    try bench.file("tool", "new")
    let base = try bench.image(
      "base",
      [
        .directory("usr"), .directory("usr/bin"), .special("bin", .symbolicLink("usr/bin")),
        .file("usr/bin/real", "old"), .special("usr/bin/alias", .symbolicLink("real")),
      ])
    let built = try await bench.run(
      stage(on: .image(base), copy("tool", to: "/bin/"), copy("tool", to: "/bin/alias")))
    #expect(try bench.files(in: built.layers[1]).last == "- 0644 0:0 usr/bin/tool \"new\"")
    #expect(try bench.files(in: built.layers[2]).last == "- 0644 0:0 usr/bin/real \"new\"")
  }

  @Test func `names of owners are those of the image at that step`() async throws {
    let bench = try Bench()
    try bench.file("passwd", "app:x:10:20::/:\n")
    try bench.file("file")
    let built = try await bench.run(
      stage(
        copy("passwd", to: "/etc/"), copy("file", to: "/new/dir/", owner: "app:5", mode: 0o400)))
    #expect(
      try bench.files(in: built) == [
        "d 0400 10:5 new", "d 0400 10:5 new/dir", "- 0400 10:5 new/dir/file",
      ])
  }

  @Test func `history and diff IDs tell of every step`() async throws {
    let bench = try Bench()
    try bench.file("file", time: 1_000_000_000)
    let base = try bench.image("base", [.file("f")], created: "2001-01-01T00:00:00Z")
    let built = try await bench.run(
      stage(
        on: .image(base), configure("ENV A=1"), copy("file", to: "/"), workingDirectory("/"),
        workingDirectory("/w")))
    let configuration = built.image.configuration
    #expect(configuration.created == "2001-09-09T01:46:40Z")
    #expect(
      configuration.history.map(\.createdBy) == [
        "base", "ENV A=1", "COPY /", "WORKDIR /", "WORKDIR /w",
      ])
    #expect(configuration.history.map(\.emptyLayer) == [nil, true, nil, true, nil])
    #expect(
      configuration.history.map(\.created)
        == ["2001-01-01T00:00:00Z"] + Array(repeating: configuration.created, count: 4))
    #expect(configuration.diffIDs.count == 3)
    #expect(built.image.format == .oci)
  }

  @Test func `a fixed time lowers what is later, and dates the image`() async throws {
    let bench = try Bench()
    try bench.file("old", time: 10)
    try bench.file("new", time: 2_000_000_000)
    let options = ExecutionOptions(timestamps: .fixed(FileTime(seconds: 1000)))
    let built = try await bench.run(stage(copy("old", "new", to: "/d/")), options: options)
    #expect(built.image.configuration.created == "1970-01-01T00:16:40Z")
    let times = try await bench.unpacked.entries(of: built.layers[0]).map(\.modified.seconds)
    #expect(times == [1000, 1000, 10])
  }

  @Test(arguments: [ExecutionOptions.Timestamps.ofInputs, .fixed(FileTime(seconds: 50))])
  func `equal inputs give equal images`(_ timestamps: ExecutionOptions.Timestamps) async throws {
    var digests: Set<Digest> = []
    for _ in 0..<2 {
      let bench = try Bench()
      for number in 0..<20 { try bench.file("tree/\(number % 3)/\(number)", "\(number)") }
      for name in ["tree", "tree/0", "tree/1", "tree/2"] {
        try setTime(bench.context.appending(name), 77)
      }
      let base = try bench.image("base", [.directory("opt")])
      let built = try await bench.run(
        stage(on: .image(base), copy("tree", to: "/opt/"), workingDirectory("/a/b")),
        options: ExecutionOptions(timestamps: timestamps))
      digests.insert(built.image.digest)
    }
    #expect(digests.count == 1)
  }

  @Test func `WORKDIR belongs to the user in force, all of it that is new`() async throws {
    let bench = try Bench()
    let base = try bench.image(
      "base",
      [
        .directory("home", mode: 0o711), .directory("etc"),
        .file("etc/passwd", "app:x:10:20::/home/app:/bin/sh\n"),
        .special("w", .symbolicLink("home")),
      ])
    let built = try await bench.run(
      stage(on: .image(base), workingDirectory("/w/app/src", user: "app"), workingDirectory("/w")))
    #expect(
      try bench.files(in: built) == [
        "d 0711 0:0 home", "d 0755 10:20 home/app", "d 0755 10:20 home/app/src",
      ])
    #expect(built.layers.count == 2)
    await #expect(throws: ExecutionError.destinationIsNotADirectory("etc/passwd", at: somewhere)) {
      try await bench.run(stage(on: .image(base), workingDirectory("/etc/passwd")))
    }
    await #expect(throws: ExecutionError.unknownUser("nobody", at: somewhere)) {
      try await bench.run(stage(on: .image(base), workingDirectory("/new", user: "nobody")))
    }
  }

  @Test func `files come from an image with owners, links and devices`() async throws {
    let bench = try Bench()
    let base = try bench.image(
      "base",
      [
        .directory("d", mode: 0o700, owner: (5, 6)), .file("d/z", "text", owner: (7, 8)),
        .special("d/a", .hardLink("d/z")), .special("d/null", .characterDevice(major: 1, minor: 3)),
        .special("d/l", .symbolicLink("z")), .file("gone"),
      ], [.special("d/up", .hardLink("d/z")), .file(".wh.gone")])
    let built = try await bench.run(
      stage(
        copy("d", to: "/new/", from: .image(base)), copy("d/[az]", to: "/two/", from: .image(base)))
    )
    #expect(
      try bench.files(in: built.layers[0]) == [
        "d 0755 0:0 new", "l new/l -> z", "c 0777 0:0 new/null 1,3",
        "- 0644 7:8 new/a \"text\"", "h new/up => new/a", "h new/z => new/a",
      ])
    // Two words of one file that are no links: twice the same content.
    #expect(
      try bench.files(in: built.layers[1]).sorted() == [
        "- 0644 7:8 two/a \"text\"", "- 0644 7:8 two/z \"text\"", "d 0755 0:0 two",
      ])
    await #expect(
      throws: ExecutionError.sourceNotFound(
        pattern: "gone", origin: "the image \"base\"", excludedBy: nil, at: somewhere)
    ) {
      try await bench.run(stage(copy("gone", to: "/", from: .image(base))))
    }
  }

  @Test func `stages stand on each other, and copy from each other`() async throws {
    let bench = try Bench()
    try bench.file("a", "A")
    try bench.file("b", "B")
    try bench.file("c", "C")
    bench.filter = try PathFilter(patterns: ["c"])
    let built = try await bench.run(
      stage(0, copy("a", to: "/a")), stage(1, copy("b", to: "/x/c")),
      stage(
        2, on: .stage(Stage.ID(0)), copy("x", to: "/", from: .stage(Stage.ID(1))),
        copy("a", to: "/c", from: .stage(Stage.ID(0)))))
    #expect(
      try built.layers.map(bench.files) == [
        ["- 0644 0:0 a \"A\""], ["- 0644 0:0 c \"B\""], ["- 0644 0:0 c \"A\""],
      ])
    #expect(built.image.configuration.history.map(\.createdBy) == ["COPY /a", "COPY /", "COPY /c"])
  }

  @Test func `events tell of stages and steps in their order`() async throws {
    let bench = try Bench()
    try bench.file("file", "12345")
    let seen = Mutex<[String]>([])
    _ = try await bench.run(stage(copy("file", to: "/"), configure("ENV"))) { event in
      let text =
        switch event {
        case .stageStarted: "stage"
        case .stepStarted(let id, let step): "start \(id.step) \(step.text)"
        case .stepOutput: "output"
        case .stepFinished(let id, _, let size): "end \(id.step) \(size ?? -1)"
        case .stageFinished: "done"
        }
      seen.withLock { $0.append(text) }
    }
    #expect(
      seen.withLock { $0 } == [
        "stage", "start 0 COPY", "end 0 5", "start 1 ENV", "end 1 -1", "done",
      ])
  }
}
