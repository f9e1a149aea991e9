// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import RecordedFiles
import Sandboxing
import Testing

@testable import BuildExecution

/// The tree of the virtual sandbox between its commands; what a command does is done by hand.
@Suite struct StepRootTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func files(_ layers: [StageLayer]) -> LayeredFiles {
    LayeredFiles(layers: layers, unpacked: bench.unpacked, fetcher: bench.fetcher)
  }

  private func recordedRoot(on files: LayeredFiles) -> RecordedStepRoot {
    RecordedStepRoot(
      VirtualSandbox(scratch: bench.folder.path), on: files, unpacked: bench.unpacked,
      fetcher: bench.fetcher, at: bench.store.temporaryPath())
  }

  private func base() throws -> [StageLayer] {
    [
      .blob(
        try bench.layer([
          .directory("d", mode: 0o711, owner: (5, 6)), .file("d/a", "a0"), .file("d/b", "b0"),
          .file("gone"),
        ]), isOfBase: true),
      .blob(
        try bench.layer([.file(".wh.gone"), .file("set", "s", mode: 0o4755)]), isOfBase: true),
    ]
  }

  /// What a supervisor leaves of a command that did `work` in the tree.
  private func command(
    _ root: RecordedStepRoot, _ paths: [(PathBytes, FileTouch)], _ work: (PathBytes) throws -> Void
  ) async throws -> ChangeSet? {
    try await root.prepare()
    try work(root.virtualTree.directory)
    let touched = TouchedPaths()
    for (path, touch) in paths { touched.add(path, touch) }
    try touched.write(to: root.virtualTree.directory.parent.appending("touched"))
    try root.takeBack()
    return try await root.changes()
  }

  /// As a supervisor does: the file is parted from its other names first.
  private func write(_ text: String, to path: PathBytes, time: Int64? = nil) throws {
    if exists(path) { try removeFile(path) }
    try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT, mode: 0o644)
      .writeAll(Array(text.utf8))
    try setMode(path, 0o644)
    if let time { try setTime(path, time) }
  }

  @Test func `layers come into the tree when a command needs them`() async throws {
    let files = files(try base())
    let root = recordedRoot(on: files)
    let first = try #require(
      try await command(root, [("d/a", .content)]) { try write("a1", to: $0.appending("d/a")) })
    #expect(first.entries.map(\.path) == ["d", "d/a"])
    #expect(first.entries[0].uid == 5)
    try files.append(.changes(first), isInTree: false, entries: first.entries)
    let copied = try bench.layer([.file("d/b", "b1"), .file("d/c", "c1")])
    let entries = try await bench.unpacked.entries(of: copied)
    try files.append(.blob(copied, isOfBase: false), isInTree: false, entries: entries)

    let second = try #require(
      try await command(root, [("d/a", .content), ("gone", .name)]) {
        #expect(try names(inDirectory: $0) == ["d", "set"])
        #expect(try names(inDirectory: $0.appending("d")) == ["a", "b", "c"])
        #expect(try contents(of: $0.appending("d/b")) == Array("b1".utf8))
        try write("a2", to: $0.appending("d/a"))
        try write("back", to: $0.appending("gone"))
      })
    #expect(second.entries.map(\.path) == ["d", "d/a", "gone"])
    #expect(try contents(of: first.directory.appending("d/a")) == Array("a1".utf8))
    #expect(try contents(of: second.directory.appending("d/a")) == Array("a2".utf8))
    let records = try FileRecords(opening: root.virtualTree.records)
    let set = try records.status(of: root.virtualTree.directory.appending("set")).status
    #expect(set.permissions == 0o4755)
  }

  @Test func `content decides where nothing else differs`() async throws {
    let files = files(try base())
    let root = recordedRoot(on: files)
    let changes = try #require(
      try await command(root, [("d/a", .content), ("d/b", .content)]) {
        try write("a0", to: $0.appending("d/a"), time: 100)
        try write("b1", to: $0.appending("d/b"), time: 100)
        try setTime($0.appending("d"), 100)
      })
    #expect(changes.entries.map(\.path) == ["d", "d/b"])
    try files.append(.changes(changes), isInTree: false, entries: changes.entries)

    // Now one of them has its old content in a change set.
    let none = try await command(root, [("d/a", .content), ("d/b", [.content, .name])]) {
      try write("a0", to: $0.appending("d/a"), time: 100)
      try write("b1", to: $0.appending("d/b"), time: 100)
      try setTime($0.appending("d"), 100)
    }
    #expect(none == nil)
    let other = try await command(root, [("d/a", .content), ("d/b", .content)]) {
      try write("a0", to: $0.appending("d/a"), time: 100)
      try write("b0", to: $0.appending("d/b"), time: 100)
      try setTime($0.appending("d"), 100)
    }
    #expect(other?.entries.map(\.path) == ["d", "d/b"])
  }

  @Test func `a stage on top takes over the files of a change set`() async throws {
    let lower = files(try base())
    let first = recordedRoot(on: lower)
    let changes = try #require(
      try await command(first, [("d/a", .content), ("n", .name), ("empty", .name)]) {
        try write("a1", to: $0.appending("d/a"))
        try write("n1", to: $0.appending("n"))
        try write("", to: $0.appending("empty"))
      })
    try lower.append(.changes(changes), isInTree: false, entries: changes.entries)
    #expect(try await lower.contents(of: "n") == Array("n1".utf8))
    #expect(try await lower.contents(of: "empty") == [])
    first.remove()

    let root = recordedRoot(on: files(lower.layers))
    let above = try #require(
      try await command(root, [("n", .content)]) {
        #expect(
          try FileStatus(of: $0.appending("d/a")).inode
            == FileStatus(of: changes.directory.appending("d/a")).inode)
        let records = try FileRecords(opening: root.virtualTree.records)
        #expect(try records.status(of: $0.appending("d/a")).status.linkCount == 1)
        try write("n2", to: $0.appending("n"))
      })
    #expect(above.entries.map(\.path) == ["n"])
    #expect(try contents(of: changes.directory.appending("n")) == Array("n1".utf8))
    root.remove()
    #expect(
      Set(try bench.leftovers())
        == [changes.directory.name.description, above.directory.name.description])
    #expect(try contents(of: changes.directory.appending("d/a")) == Array("a1".utf8))
  }

  @Test(.enabled(if: geteuid() == 0, "an overlay's layers have owners"))
  func `a working directory is made alike on both roots`() async throws {
    let path: PathBytes = "d/new/er"
    let recorded = recordedRoot(on: files(try base()))
    let overlay = OverlayStepRoot(
      NamespaceSandbox(scratch: bench.folder.path), on: files(try base()), format: .user,
      at: bench.store.temporaryPath())
    try await recorded.prepare()
    try await recorded.makeDirectory(path)
    try await overlay.prepare()
    try await overlay.makeDirectory(path)
    let (first, second) = (try await recorded.changes(), try await overlay.changes())
    func lines(_ changes: ChangeSet?) -> [String] {
      (changes?.entries ?? []).map { line(of: $0) }
    }
    #expect(lines(first) == ["d 0711 5:6 d", "d 0755 0:0 d/new", "d 0755 0:0 d/new/er"])
    #expect(lines(second) == lines(first))
  }
}
