// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Images

@Suite struct ArchiveReaderTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func content(of name: PathBytes, in bytes: [UInt8]) throws -> String? {
    let archive = try ArchiveReader(directory.write("a.tar", bytes))
    guard let file = try archive.file(named: name) else { return nil }
    return String(decoding: try file.prefix(1000), as: UTF8.self)
  }

  @Test func `members are found by name`() throws {
    let bytes = tar([.directory("d"), .file("d/a", "first"), .file("./d/b", "second")])
    #expect(try content(of: "d/a", in: bytes) == "first")
    #expect(try content(of: "./d//b", in: bytes) == "second")
    #expect(try content(of: "d", in: bytes) == nil)
    #expect(try content(of: "d/c", in: bytes) == nil)
  }

  @Test func `links are followed within the archive`() throws {
    let bytes = tar([
      .file("one/layer.tar", "layer"), .link("two/layer.tar", to: "../one/layer.tar"),
      .link("three", to: "two/layer.tar"), .link("hard", to: "one/layer.tar", type: "1"),
      .link("out", to: "../../../one/layer.tar"), .link("absolute", to: "/etc/passwd"),
    ])
    #expect(try content(of: "two/layer.tar", in: bytes) == "layer")
    #expect(try content(of: "three", in: bytes) == "layer")
    #expect(try content(of: "hard", in: bytes) == "layer")
    #expect(try content(of: "absolute", in: bytes) == nil)
  }

  @Test func `long names come from pax and GNU headers`() throws {
    let long = String(repeating: "n", count: 300)
    let record = " path=\(long)\n"
    let bytes = tar([
      .extended("g", "20 comment=whatever\n"),
      .extended("x", "\(record.utf8.count + 3)\(record)"), .file("short", "pax"),
      .extended("L", long + "2\0"), .file("short", "gnu"), .file("plain", "own"),
    ])
    #expect(try content(of: PathBytes(long), in: bytes) == "pax")
    #expect(try content(of: PathBytes(long + "2"), in: bytes) == "gnu")
    #expect(try content(of: "plain", in: bytes) == "own")
  }

  @Test func `what is written is read, whatever the length of its name`() throws {
    for length in [1, 99, 100, 101, 141, 4000] {
      let name = String(repeating: "x", count: length)
      #expect(try content(of: PathBytes(name), in: tar([.file(name, "text")])) == "text")
    }
  }

  @Test(arguments: [0, 1, 0o77_777_777_777, 0o100_000_000_000, Int64.max >> 1])
  func `a size of N bytes survives the header`(_ size: Int64) throws {
    // A hole: the file is as large as it says without taking the space.
    let path = try directory.write(
      "a.tar", tarHeader("a", sizeInBytes: size, isDirectory: false))
    let header = tarHeader("a", sizeInBytes: size, isDirectory: false).count
    guard size < 1 << 40 else {
      #expect(throws: ImageError.malformedArchive(file: "\(path)", problem: "it is truncated")) {
        _ = try ArchiveReader(path)
      }
      return
    }
    let wanted = Int64(header) + (size + 511) / 512 * 512
    #expect(path.withCString { truncate64($0, off64_t(wanted)) } == 0)
    #expect(try ArchiveReader(path).file(named: "a")?.sizeInBytes == size)
  }

  struct Hostile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    /// What the message must say.
    var problem: String
  }

  private static let ordinary = tar([.file("a", String(repeating: "x", count: 2000))])

  private static func header(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    changed(tarHeader("a", sizeInBytes: 0, isDirectory: false), change)
  }

  static let hostile: [Hostile] = [
    Hostile(testDescription: "empty", bytes: [], problem: "empty"),
    Hostile(
      testDescription: "not a tar", bytes: [UInt8](repeating: 65, count: 2000), problem: "no tar"),
    Hostile(testDescription: "cut in a header", bytes: Array(ordinary[..<300]), problem: "trunc"),
    Hostile(testDescription: "cut in a member", bytes: Array(ordinary[..<1500]), problem: "trunc"),
    Hostile(
      testDescription: "one bit changed",
      bytes: [UInt8(ascii: "b")] + ordinary.dropFirst(), problem: "damaged"),
    Hostile(testDescription: "dot dot", bytes: tar([.file("../a", "x")]), problem: "outside"),
    Hostile(
      testDescription: "dot dot within", bytes: tar([.file("a/../../b", "")]), problem: "out"),
    Hostile(
      testDescription: "absolute", bytes: tar([.file("/etc/passwd", "x")]), problem: "outside"),
    Hostile(
      testDescription: "hard link outside", bytes: tar([.link("a", to: "../b", type: "1")]),
      problem: "outside"),
    Hostile(
      testDescription: "twice", bytes: tar([.file("a", "1"), .file("./a", "2")]),
      problem: "occurs twice"),
    Hostile(
      testDescription: "link and file of one name",
      bytes: tar([.link("a", to: "b"), .file("a", "2")]), problem: "occurs twice"),
    Hostile(
      testDescription: "size of eleven sevens",
      bytes: header { $0.replaceSubrange(124..<135, with: "77777777777".utf8) },
      problem: "truncated"),
    Hostile(
      testDescription: "base-256 size beyond 64 bits",
      bytes: header {
        $0.replaceSubrange(124..<136, with: [0x80] + [UInt8](repeating: 255, count: 11))
      },
      problem: "out of range"),
    Hostile(
      testDescription: "largest base-256 size",
      bytes: header {
        $0.replaceSubrange(
          124..<136, with: [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 255, count: 7))
      }, problem: "truncated"),
    Hostile(
      testDescription: "negative size",
      bytes: header { $0.replaceSubrange(124..<136, with: [UInt8](repeating: 255, count: 12)) },
      problem: "out of range"),
    Hostile(
      testDescription: "size no number",
      bytes: header { $0.replaceSubrange(124..<127, with: "9x!".utf8) }, problem: "damaged"),
    Hostile(testDescription: "unknown type", bytes: header { $0[156] = 0x53 }, problem: "type"),
    Hostile(
      testDescription: "pax without length", bytes: tar([.extended("x", "path=a\n")]),
      problem: "extended"),
    Hostile(
      testDescription: "pax length beyond the end", bytes: tar([.extended("x", "99 path=a\n")]),
      problem: "extended"),
    Hostile(
      testDescription: "pax length negative", bytes: tar([.extended("x", "-9 path=a\n")]),
      problem: "extended"),
    Hostile(
      testDescription: "pax length too short", bytes: tar([.extended("x", "1 path=a\n")]),
      problem: "extended"),
    Hostile(
      testDescription: "pax without equals sign", bytes: tar([.extended("x", "8 patha\n")]),
      problem: "extended"),
    Hostile(
      testDescription: "pax size negative",
      bytes: tar([.extended("x", "11 size=-5\n"), .file("a", "")]), problem: "extended"),
    Hostile(
      testDescription: "pax size huge",
      bytes: tar([.extended("x", "28 size=9223372036854775807\n"), .file("a", "")]),
      problem: "truncated"),
    Hostile(
      testDescription: "pax name outside",
      bytes: tar([.extended("x", "13 path=../a\n"), .file("a", "")]), problem: "outside"),
    Hostile(
      testDescription: "sparse",
      bytes: tar([.extended("x", "22 GNU.sparse.major=1\n"), .file("a", "")]), problem: "sparse"),
    Hostile(
      testDescription: "huge extended header",
      bytes: changed(tarHeader("x", sizeInBytes: 2 << 20, isDirectory: false)) { $0[156] = 0x78 }
        + [UInt8](repeating: 0, count: 2 << 20), problem: "too large"),
    Hostile(testDescription: "gzip", bytes: [0x1F, 0x8B, 8, 0, 0, 0, 0], problem: "compressed"),
    Hostile(
      testDescription: "zstd", bytes: [0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0], problem: "compressed"),
  ]

  @Test(arguments: hostile)
  func `a hostile archive is refused with its reason`(_ c: Hostile) throws {
    let path = try directory.write("a.tar", c.bytes)
    #expect {
      _ = try ArchiveReader(path)
    } throws: { error in
      (error as? ImageError)?.diagnostic.message.contains(c.problem) ?? false
    }
  }

  @Test func `links in a circle are an error`() throws {
    let path = try directory.write("a.tar", tar([.link("a", to: "b"), .link("b", to: "a")]))
    #expect(throws: ImageError.self) { try ArchiveReader(path).file(named: "a") }
  }

  @Test func `an archive cut anywhere is refused or lacks members, never more`() throws {
    let whole = tar([.file("a", "12345"), .extended("x", "10 path=b\n"), .file("c", "67890")])
    for length in stride(from: 0, to: whole.count, by: 64) {
      let path = try directory.write("a.tar", Array(whole[..<length]))
      guard let archive = try? ArchiveReader(path) else { continue }
      for name: PathBytes in ["a", "b"] {
        let found = try archive.file(named: name)?.prefix(10)
        #expect(found == nil || found?.count == 5)
      }
    }
  }

  @Test func `a pipe or directory is no archive`() throws {
    let pipe = directory.appending("pipe")
    #expect(pipe.withCString { mkfifo($0, 0o600) } == 0)
    #expect(throws: SystemError.self) { try ArchiveReader(pipe) }
    #expect(throws: SystemError.self) { try ArchiveReader(directory.path) }
  }
}
