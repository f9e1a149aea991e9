// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import RecordedFiles
import TestSupport
import Testing

@testable import Layers

/// The same operations on a real overlay and on a recorded tree must give the same change set.
@Suite(.enabled(if: canMountOverlay, "overlayfs cannot be mounted here"))
struct RecordedChangesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var operations: [FileOperation]
    /// When given: names of what must be listed, directories with a slash.
    var expected: [String]?

    init(_ operations: FileOperation..., lists expected: [String]? = nil) {
      (self.operations, self.expected) = (operations, expected)
    }

    var testDescription: String {
      operations.map { "\($0)" }.joined(separator: "; ")
    }
  }

  static let cases = [
    Case(lists: []),
    Case(.write("n", "n"), lists: ["n"]),
    Case(.append("d/a", "more"), lists: ["d/", "d/a"]),
    Case(.remove("d/a"), lists: ["d/", "d/.wh.a"]),
    Case(.remove("d/t"), lists: ["d/", "d/.wh.t"]),
    Case(.write("n", "n"), .remove("n"), lists: []),
    Case(.write("d/n", "n"), .remove("d/n"), lists: ["d/"]),
    Case(.write("d/n", "n"), .remove("d/n"), .touch("d", 1_500_000_000.5), lists: []),
    Case(.removeTree("d"), lists: [".wh.d"]),
    Case(.removeTree("o"), lists: [".wh.o"]),
    Case(.move("deep", "new"), lists: [".wh.deep", "new/", "new/er/", "new/er/x"]),
    Case(.move("d/a", "d/n"), lists: ["d/", "d/.wh.a", "d/n"]),
    Case(.move("d/a", "d/b"), lists: ["d/", "d/.wh.a", "d/b"]),
    Case(.removeTree("d"), .write("d", "file"), lists: ["d"]),
    Case(.remove("f"), .makeDirectory("f"), .write("f/n", "n"), lists: ["f/", "f/n"]),
    Case(
      .removeTree("d"), .makeDirectory("d"), .write("d/n", "n"),
      lists: ["d/", "d/.wh..wh..opq", "d/n"]),
    Case(.removeTree("d"), .makeDirectory("d"), lists: ["d/", "d/.wh..wh..opq"]),
    Case(
      .removeTree("d/s"), .makeDirectory("d/s"), .write("d/s/c", ""),
      lists: ["d/", "d/s/", "d/s/.wh..wh..opq", "d/s/c"]),
    Case(
      .remove("link"), .makeDirectory("link"), .write("link/a", ""), lists: ["link/", "link/a"]),
    Case(.remove("link"), .symbolicLink("link", to: "elsewhere"), lists: ["link"]),
    Case(
      .remove("link"), .symbolicLink("link", to: "d"), .touch("link", 1_500_000_000.5), lists: []),
    Case(.chmod("d/a", 0o600), lists: ["d/", "d/a"]),
    Case(.chmod("d/a", 0), .chmod("d", 0o555), lists: ["d/", "d/a"]),
    Case(.chmod("d/a", 0o6755), lists: ["d/", "d/a"]),
    Case(.chmod("d", 0o1777), lists: ["d/"]),
    Case(.chown("d/b", 5, 6), lists: ["d/", "d/b"]),
    Case(.chown("link", 5, 6), lists: ["link"]),
    Case(.chown("d/s", 5, 6), lists: ["d/", "d/s/"]),
    Case(.touch("d/a", 1_600_000_000.25), lists: ["d/", "d/a"]),
    Case(.touch("d", 1_600_000_000), lists: ["d/"]),
    Case(.touch("link", 1_600_000_000), lists: ["link"]),
    Case(.setAttribute("d/b", "user.x", "2"), lists: ["d/", "d/b"]),
    Case(.removeAttribute("d/b", "user.x"), lists: ["d/", "d/b"]),
    Case(.setAttribute("d/b", "user.x", "1"), lists: []),
    Case(.setAttribute("d", "user.x", "1"), lists: ["d/"]),
    Case(.setAttribute("d/b", "trusted.y", "2"), lists: ["d/", "d/b"]),
    Case(.setAttribute("d/b", "trusted.y", "2"), .removeAttribute("d/b", "trusted.y"), lists: []),
    Case(.setAttribute("link", "trusted.y", "2"), lists: ["link"]),
    Case(.chmod("d/a", 0o600), .chmod("d/a", 0o644), lists: []),
    Case(.append("d/a", ""), lists: []),
    Case(.append("f", ""), lists: []),
    Case(.rewrite("d/a"), lists: []),
    Case(.rewrite("f"), lists: []),
    Case(.rewrite("d/a"), .append("d/b", "more"), lists: ["d/", "d/b"]),
    Case(.write("d/a", "A"), .touch("d/a", 1_500_000_000.5), lists: ["d/", "d/a"]),
    Case(.write("d/a", "a\n"), .touch("d/a", 1_500_000_000.5), lists: []),
    Case(
      .write("n", "n"), .link("n", "d/n"), .link("n", "m"), lists: ["d/", "d/n", "m=d/n", "n=d/n"]),
    Case(.link("d/a", "hard"), lists: ["d/", "d/a", "hard=d/a"]),
    Case(.link("d/a", "hard"), .remove("hard"), lists: []),
    Case(.link("d/a", "hard"), .remove("d/a"), lists: ["d/", "d/.wh.a", "hard"]),
    Case(.link("d/a", "hard"), .append("d/a", "more"), lists: ["d/", "d/a", "hard=d/a"]),
    Case(.chmod("f", 0o600), .link("f2", "hard"), .touch("hard", 1_600_000_000)),
    Case(.move("d", "d"), lists: []),
    Case(.link("f", "hard"), lists: ["f", "hard=f"]),
    Case(.chmod("f", 0o600), lists: ["f"]),
    Case(.chmod("f", 0o600), .chmod("f2", 0o600), lists: ["f", "f2"]),
    Case(.chmod("f", 0o600), .chmod("f", 0o644), lists: []),
    Case(.move("f", "f2"), lists: [".wh.f"]),
    Case(.move("f", "g"), lists: [".wh.f", "g"]),
    Case(.move("f", "g"), .move("f2", "h"), lists: [".wh.f", ".wh.f2", "g", "h"]),
    Case(.link("link", "l2"), lists: ["l2", "link=l2"]),
    Case(
      .fifo("p"), .device("c", isBlock: false, 1, 3), .device("b", isBlock: true, 7, 300),
      lists: ["b", "c", "p"]),
    Case(.remove("f"), .device("f", isBlock: false, 5, 1), lists: ["f"]),
    Case(.device("c", isBlock: false, 1, 3), .chown("c", 7, 8), .chmod("c", 0o666), lists: ["c"]),
    Case(.makeDirectory("x"), .makeDirectory("x/y"), .makeDirectory("x/y/z")),
    Case(
      .makeDirectory("n"), .write("n/a", ""), .removeTree("n"), .makeDirectory("n"), lists: ["n/"]),
    Case(.makeDirectory("w"), .write("w/a", ""), lists: ["w/", "w/a"]),
    Case(.write("w", "back"), lists: ["w"]),
    Case(.write("o/n", "n"), .remove("o/o"), lists: ["o/", "o/n", "o/.wh.o"]),
    Case(.write("o/hidden", "n"), lists: ["o/", "o/hidden"]),
    Case(.write("o/hidden", "n"), .remove("o/hidden"), lists: ["o/"]),
    Case(.socket("sock"), lists: []),
    Case(.remove("f"), .socket("f"), lists: [".wh.f"]),
    Case(.makeDirectory("x"), .socket("x/s"), lists: ["x/"]),
    Case(.move("d", "e"), .move("e", "d")),
    Case(.move("d", "e"), .makeDirectory("d"), .write("d/a", "new")),
    Case(.move("d", "e"), .move("e/s", "d")),
    Case(.move("deep", "d/deep"), .write("d/deep/er/y", "y"), .remove("d/deep/er/x")),
    Case(.makeDirectory("x"), .move("x", "y"), .write("y/a", ""), lists: ["y/", "y/a"]),
    Case(.removeTree("deep"), .makeDirectory("x"), .write("x/n", ""), .move("x", "deep")),
    Case(.remove("deep/er/x"), .makeDirectory("x"), .write("x/n", ""), .move("x", "deep/er")),
    Case(.write("link/through", "n"), lists: ["d/", "d/through"]),
    Case(.remove("link/a"), lists: ["d/", "d/.wh.a"]),
    Case(.write("d/s-x", ""), .write("d/s/x", ""), .write("d/s.x", "")),
    Case(.move("d/a", "d/n"), .write("d/a", "another")),
    Case(.move("d/a", "d/n"), .move("d/n", "d/a"), lists: ["d/"]),
    Case(
      .move("d/a", "d/n"), .move("d/n", "d/a"), .touch("d", 1_500_000_000.5), lists: []),
    Case(.remove("d/a"), .write("d/a", "a")),
    Case(.makeDirectory("d/n"), .link("d/a", "d/n/a"), .move("d/n", "z")),
  ]

  @Test(arguments: cases)
  func `a recorded tree gives the change set of an overlay`(_ c: Case) throws {
    let directory = try TemporaryDirectory()
    let pair = try Pair(c.operations, in: directory.path)
    #expect(pair.differences == [])
    if let expected = c.expected {
      #expect(pair.recorded.map(OverlayChangesTests.name) == expected)
    }
    try pair.expectSameContent()
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `whatever is done, it gives the change set of an overlay`(_ seed: UInt64) throws {
    let directory = try TemporaryDirectory()
    let operations = Self.operations(seed: seed)
    let pair = try Pair(operations, in: directory.path)
    #expect(pair.differences == [], "\(operations.map(\.python).joined(separator: "\n"))")
    try pair.expectSameContent()
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func `so does the command after it`(_ seed: UInt64) throws {
    let directory = try TemporaryDirectory()
    // No links into directories that are moved; see below.
    var pair = try Pair(Self.operations(seed: seed * 2), in: directory.path)
    let second = Self.operations(seed: seed * 2 + 1000)
    try pair.perform(second)
    #expect(pair.differences == [], "\(second.map(\.python).joined(separator: "\n"))")
    try pair.expectSameContent(in: "upper2")
  }

  @Test func `names reserved for whiteouts are refused`() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: LayerError.reservedName("d/.wh.x")) {
      _ = try Pair([.write("d/.wh.x", "")], in: directory.path)
    }
  }

  /// Where an overlay has an old directory copied instead of renamed, hard links into it are lost; so
  /// it is either links or such directories.
  private static func operations(seed: UInt64) -> [FileOperation] {
    var random = seed
    func next(_ limit: Int) -> Int {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((random >> 33) % UInt64(limit))
    }
    let parents = ["", "", "d/", "d/s/", "o/", "deep/", "deep/er/", "link/", "x/", "x/y/", "w/"]
    let names = ["a", "b", "d", "s", "o", "x", "y", "f", "f2", "w", "link", "deep", "er", "hidden"]
    let files = ["d/a", "d/b", "d/t", "f", "f2", "w", "link", "o/o", "deep/er/x", "b", "y"]
    let hasLinks = seed % 2 == 0
    func path() -> String { parents[next(parents.count)] + names[next(names.count)] }
    return (0..<40).map { number in
      switch next(24) {
      case 0, 1, 2: .write(path(), "text \(number)")
      case 3: .append(path(), "more")
      case 4: .rewrite(path())
      case 5, 6: .remove(path())
      case 7: .removeTree(path())
      case 8, 9, 10: .makeDirectory(path())
      case 11, 12, 13, 14: .move(hasLinks ? files[next(files.count)] : path(), path())
      case 15, 16: hasLinks ? .link(path(), path()) : .makeDirectory(path())
      case 17: .symbolicLink(path(), to: "d")
      case 18: .chmod(path(), [0, 0o644, 0o755, 0o4755][next(4)])
      case 19: .chown(path(), UInt32(next(3)), 0)
      case 20: .touch(path(), 1_500_000_000.5)
      case 21: .setAttribute(path(), ["user.x", "trusted.y"][next(2)], "1")
      case 22: .removeAttribute(path(), "user.x")
      default: next(2) == 0 ? .fifo(path()) : .device(path(), isBlock: next(2) == 0, 1, 3)
      }
    }
  }

  // MARK: - Both

  /// Operations done in both ways, and what came of it.
  struct Pair {
    var overlay: [LayerEntry]
    var recorded: [LayerEntry]
    private let directory: PathBytes
    private var tree: RecordedTree

    private let begin = FileTime.now
    private let below = FileTree()
    /// Where the content of each layer lies.
    private var layers = ["low", "top"]

    init(_ operations: [FileOperation], in directory: PathBytes) throws {
      self.directory = directory
      try Self.write(operations, to: directory.appending("script.py"))
      overlay = try OverlayChangesTests.change("python3 ../script.py", in: directory)
      tree = try recordedTree(
        [
          OverlayChangesTests.layer(of: directory.appending("low")),
          OverlayChangesTests.layer(of: directory.appending("top")),
        ], in: directory, below)
      recorded = []
      recorded = try changes(by: operations)
    }

    /// Another command, on what the one before left.
    mutating func perform(_ operations: [FileOperation]) throws {
      try Self.write(operations, to: directory.appending("second.py"))
      try shell(
        """
        mkdir upper2 work2 merged2
        unshare -m --propagation private bash -euc '
          mount -t overlay overlay -o lowerdir=upper:top:low,upperdir=upper2,workdir=work2,index=off,metacopy=off,redirect_dir=nofollow,xino=off merged2
          cd merged2; umask 022; python3 ../second.py'
        """, in: directory)
      overlay = try OverlayChanges.read(
        upper: directory.appending("upper2"),
        lower: ["upper", "top", "low"].map { directory.appending($0) }, format: .trusted)

      let kept = directory.appending("kept1")
      try makeDirectory(kept)
      try RecordedContent.keep(recorded, of: tree.root, records: tree.records, in: kept)
      below.beginLayer()
      for entry in recorded { try below.apply(entry) }
      layers.append("kept1")
      tree.beginCommand()
      recorded = try changes(by: operations)
    }

    private static func write(_ operations: [FileOperation], to path: PathBytes) throws {
      let lines = operations.map(\.python).joined(separator: "\n")
      try LayersTests.write(Array((FileOperation.pythonPrelude + lines).utf8), to: path)
    }

    private mutating func changes(by operations: [FileOperation]) throws -> [LayerEntry] {
      tree.perform(operations)
      let changes = try RecordedChanges.read(
        tree: tree.root, records: tree.records, touched: tree.touched, below: below)
      let unchanged = try changes.undecided.filter { undecided in
        let layer = directory.appending(layers[undecided.below.layer])
        return try contents(of: tree.root.appending(undecided.path))
          == contents(of: layer.appending(undecided.below.entry.path))
      }
      return changes.entries(unchanged: Set(unchanged.map(\.path)))
    }

    /// Entry by entry; also when only their order differs.
    var differences: [String] {
      let overlay = overlay.map { $0.without(timesSince: begin) }
      let recorded = recorded.map { $0.without(timesSince: begin) }
      if overlay == recorded { return [] }
      let (expected, found) = (Set(overlay), Set(recorded))
      return ["\(overlay.map(\.path)) is not \(recorded.map(\.path))"]
        + overlay.filter { !found.contains($0) }.map { "overlay only: \($0)" }
        + recorded.filter { !expected.contains($0) }.map { "recorded only: \($0)" }
    }

    /// Also from where the content is kept.
    func expectSameContent(in upper: String = "upper") throws {
      let kept = directory.appending("kept")
      try makeDirectory(kept)
      try RecordedContent.keep(recorded, of: tree.root, records: tree.records, in: kept)
      for entry in recorded where entry.kind == .regular && entry.sizeInBytes > 0 {
        #expect(
          try contents(of: kept.appending(entry.path))
            == contents(of: directory.appending(upper).appending(entry.path)), "\(entry.path)")
      }
    }
  }
}

/// A tree of layers as an ordinary user would unpack them.
func recordedTree(_ layers: [[UInt8]], in directory: PathBytes, _ tree: FileTree) throws
  -> RecordedTree
{
  let root = directory.appending("recorded")
  try makeDirectory(root, mode: 0o755)
  let records = try FileRecords(creating: directory.appending("records"))
  for layer in layers {
    var reader = TarReader(MemorySource(layer))
    var unpacker = try LayerUnpacker(into: root, over: tree, lower: [], style: .recorded(records))
    _ = try unpacker.unpack(&reader)
  }
  return RecordedTree(root: root, records: records)
}

extension LayerEntry {
  /// Two runs are not at the same time.
  fileprivate func without(timesSince begin: FileTime) -> LayerEntry {
    var entry = self
    if entry.modified >= begin { entry.modified = FileTime(seconds: 0) }
    return entry
  }
}
