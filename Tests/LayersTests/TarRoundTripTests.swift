// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import Testing

@testable import Layers

@Suite struct TarRoundTripTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var entry: LayerEntry

    init(_ description: String, _ entry: LayerEntry) {
      (testDescription, self.entry) = (description, entry)
    }

    init(name count: Int, directory: Bool = false) {
      self.init(
        "a \(directory ? "directory" : "file") with a name of \(count) bytes",
        directory ? .directory(Self.name(count)) : .file(Self.name(count)))
    }

    /// Parts of 50 bytes, so that there are slashes to split at.
    static func name(_ count: Int) -> PathBytes {
      PathBytes((0..<count).map { $0 % 51 == 50 && $0 < count - 1 ? PathBytes.slash : 0x61 })
    }

    init(time seconds: Int64, _ nanoseconds: Int32 = 0) {
      var entry = LayerEntry.file("f")
      entry.modified = FileTime(seconds: seconds, nanoseconds: nanoseconds)
      self.init("time \(seconds) s, \(nanoseconds) ns", entry)
    }
  }

  static let kinds: [Case] = [
    Case("the root", .directory("", 0o700)),
    Case("a file", .file("f", 0o7777)),
    Case("mode 0", .file("f", 0)),
    Case("a directory", .directory("d", 0o1777)),
    Case("a symbolic link", .symbolicLink("l", "/../x//y/.")),
    Case("a symbolic link of 100 bytes", .symbolicLink("l", Case.name(100))),
    Case("a symbolic link of 101 bytes", .symbolicLink("l", Case.name(101))),
    Case("a symbolic link of 4095 bytes", .symbolicLink("l", Case.name(4095))),
    Case("a hard link", .hardLink("l", "d/f")),
    Case("a hard link of 300 bytes", .hardLink("l", Case.name(300))),
    Case("a pipe", LayerEntry(path: "p", kind: .fifo, permissions: 0o600)),
    Case(
      "a character device",
      LayerEntry(
        path: "c", kind: .characterDevice(major: 4095, minor: 1_048_575), permissions: 0o20)),
    Case(
      "a block device",
      LayerEntry(path: "b", kind: .blockDevice(major: 8, minor: 1), permissions: 0o660)),
    Case(
      "owners of 21 bits",
      LayerEntry(
        path: "f", kind: .regular, permissions: 0o644, uid: 0o7777777, gid: 0o7777777)),
    Case(
      "owners of 32 bits",
      LayerEntry(
        path: "f", kind: .regular, permissions: 0o644, uid: 0o10000000, gid: UInt32.max - 1)),
    Case(
      "attributes",
      LayerEntry(
        path: "f", kind: .regular, permissions: 0o644,
        attributes: [
          ExtendedAttribute(name: "security.capability", value: [0, 1, 10, 0, 255]),
          ExtendedAttribute(name: "user.%3D", value: [1]),
          ExtendedAttribute(name: "user.a=b%c", value: Array("=\n".utf8)),
          ExtendedAttribute(name: "user.empty", value: []),
          ExtendedAttribute(name: "user.large", value: [UInt8](repeating: 9, count: 60_000)),
        ])),
    Case("a name that is not UTF-8", .file(PathBytes([0xFF, 0xFE, 0x2F, 0xC3]))),
    Case("a long name that is not UTF-8", .file(PathBytes([UInt8](repeating: 0xFF, count: 120)))),
    Case("a long name with a newline", .file(PathBytes(String(repeating: "a\n", count: 60) + "b"))),
    Case("a name like a pax record", .file("12 path=x\n")),
  ]
  static let names: [Case] =
    [1, 99, 100, 101, 154, 155, 156, 255, 256, 257, 300, 4095].flatMap {
      [Case(name: $0), Case(name: $0, directory: true)]
    } + [
      Case("100 bytes without slash", .file(PathBytes(String(repeating: "n", count: 100)))),
      Case("101 bytes without slash", .file(PathBytes(String(repeating: "n", count: 101)))),
      Case("a directory of 99 bytes", .directory(PathBytes(String(repeating: "n", count: 99)))),
      Case("a directory of 100 bytes", .directory(PathBytes(String(repeating: "n", count: 100)))),
      Case(
        "155 and 100 bytes",
        .file(
          PathBytes(String(repeating: "p", count: 155) + "/" + String(repeating: "n", count: 100)))),
      Case(
        "156 and 100 bytes",
        .file(
          PathBytes(String(repeating: "p", count: 156) + "/" + String(repeating: "n", count: 100)))),
    ]
  static let times = [
    Case(time: 0), Case(time: 0, 1), Case(time: 1_700_000_000, 123_456_789),
    Case(time: 0o77777777777), Case(time: 0o100000000000), Case(time: -1),
    Case(time: -1, 500_000_000),
    Case(time: -2, 750_000_000), Case(time: -1_000_000_000_000, 999_999_999),
    Case(time: 1, 100_000_000),
  ]

  @Test(arguments: kinds + names + times)
  func `an entry is read as it was written`(_ c: Case) throws {
    #expect(try entries(of: archive(c.entry)) == [c.entry])
  }

  @Test(arguments: [0, 0o77777777777, 0o77777777777 + 1, 1 << 40])
  func `a size is read as it was written`(_ size: Int64) throws {
    var entry = LayerEntry.file("f")
    entry.sizeInBytes = size
    var tar = TarWriter(to: MemorySink(limit: 1 << 20))
    try tar.begin(entry, hasContent: false)
    try tar.finish()
    var reader = TarReader(MemorySource(tar.output.bytes))
    #expect(try reader.next(hasContent: false) == entry)
  }

  @Test(arguments: [0, 1, 511, 512, 513, 2 << 20])
  func `content is read as it was written, or skipped`(_ count: Int) throws {
    let text = String(repeating: "x", count: count)
    let bytes = try archive([(.file("a"), text), (.file("b"), "end")])
    #expect(bytes.count % 512 == 0)
    var reader = TarReader(MemorySource(bytes))
    var read: [UInt8] = []
    #expect(try reader.next()?.sizeInBytes == Int64(count))
    try reader.forEachPiece { read.append(contentsOf: $0) }
    #expect(read == Array(text.utf8))
    #expect(try reader.next()?.path == "b")
    #expect(try entries(of: bytes).map(\.path) == ["a", "b"])
  }

  @Test func `equal entries give equal bytes`() throws {
    let all = (Self.kinds + Self.names + Self.times).map { ($0.entry, "") }
    #expect(try archive(all) == archive(all))
  }
}
