// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import TestSupport
import Testing

@testable import Layers

/// Archives go both ways between us, Python's tarfile and GNU tar.
@Suite struct TarInteroperationTests {
  static let sample: [LayerEntry] = [
    LayerEntry(
      path: "file", kind: .regular, permissions: 0o4755, uid: 3_000_000, gid: 12,
      modified: FileTime(seconds: 1_700_000_000, nanoseconds: 500_000_000),
      attributes: [ExtendedAttribute(name: "user.note", value: Array("hello".utf8))]),
    .directory("directory", 0o1777),
    .file(TarRoundTripTests.Case.name(300)),
    .file(PathBytes(String(repeating: "é", count: 80))),
    .symbolicLink("link", TarRoundTripTests.Case.name(200)),
    .hardLink("hard", "file"),
    LayerEntry(path: "null", kind: .characterDevice(major: 1, minor: 3), permissions: 0o666),
    LayerEntry(path: "pipe", kind: .fifo, permissions: 0o600),
    LayerEntry(
      path: "old", kind: .regular, permissions: 0o600, modified: FileTime(seconds: -86_400)),
  ]

  @Test func `Python reads our archives`() throws {
    let directory = try TemporaryDirectory()
    try write(try archive(Self.sample.map { ($0, "") }), to: directory.path.appending("a.tar"))
    let script = #"""
      python3 - <<'END'
      import tarfile
      for m in tarfile.open("a.tar"):
          print(m.name, m.type.decode(), oct(m.mode), m.uid, m.gid, m.size, repr(float(m.mtime)),
                m.linkname, m.devmajor, m.devminor, m.pax_headers.get("SCHILY.xattr.user.note"), sep="|")
      END
      """#
    let expected = Self.sample.map { entry in
      let (type, link): (String, String) =
        switch entry.kind {
        case .regular: ("0", "")
        case .hardLink(let target): ("1", target.description)
        case .symbolicLink(let target): ("2", target.description)
        case .characterDevice: ("3", "")
        case .blockDevice: ("4", "")
        case .directory: ("5", "")
        case .fifo: ("6", "")
        }
      let time = Double(entry.modified.seconds) + Double(entry.modified.nanoseconds) / 1e9
      let device = entry.path == "null" ? "1|3" : "0|0"
      let note = entry.attributes.isEmpty ? "None" : "hello"
      return "\(entry.path)|\(type)|0o\(String(entry.permissions, radix: 8))|\(entry.uid)"
        + "|\(entry.gid)|0|\(time)|\(link)|\(device)|\(note)"
    }
    let lines = try shell(script, in: directory.path).split(separator: "\n").map(String.init)
    #expect(lines == expected)
  }

  @Test(.enabled(if: isRoot, "owners and devices need root"))
  func `GNU tar unpacks our archives to the files they describe`() throws {
    let directory = try TemporaryDirectory()
    try write(try archive(Self.sample.map { ($0, "") }), to: directory.path.appending("a.tar"))
    let place = directory.path.appending("out")
    try shell("mkdir out; tar --xattrs --numeric-owner -xpf a.tar -C out", in: directory.path)
    for entry in Self.sample {
      let file = place.appending(entry.path)
      let found = try LayerEntry(
        path: entry.path, status: try FileStatus(of: file),
        attributes: extendedAttributes(of: file),
        linkTarget: { try linkTarget(of: file) })
      if case .hardLink = entry.kind {
        #expect(try FileStatus(of: file).linkCount == 2)
      } else {
        #expect(found == entry)
      }
    }
  }

  @Test(arguments: ["--format=gnu", "--format=pax", "--format=ustar", "--format=posix --sort=name"])
  func `we read what GNU tar writes`(_ options: String) throws {
    let directory = try TemporaryDirectory()
    // ustar has no room for links over 100 bytes.
    let parts = options.contains("ustar") ? 1 : 6
    let long = PathBytes(
      Array(repeating: String(repeating: "d", count: 70), count: parts).joined(separator: "/"))
    try shell(
      """
      mkdir -p in/\(long); echo text > in/\(long)/file; ln in/\(long)/file in/hard
      ln -s \(options.contains("ustar") ? "short" : long.description) in/link; mkfifo in/pipe
      touch -d @1234567890.25 in/hard; chmod 4711 in/hard
      tar \(options) --owner=5 --group=6 -cf a.tar -C in .
      """, in: directory.path)
    let found = try entries(of: contents(of: directory.path.appending("a.tar")))
    let byPath = Dictionary(uniqueKeysWithValues: found.map { ($0.path, $0) })
    #expect(byPath[""]?.isDirectory == true)
    #expect(byPath[long]?.isDirectory == true)
    #expect(byPath["pipe"]?.kind == .fifo)
    let names: Set<PathBytes> = ["hard", long.appending("file")]
    let first = try #require(found.first { names.contains($0.path) })
    #expect(first.permissions == 0o4711 && first.uid == 5 && first.gid == 6)
    #expect(first.sizeInBytes == 5)
    #expect(first.modified.seconds == 1_234_567_890)
    let second = try #require(found.last { names.contains($0.path) })
    #expect(second.kind == .hardLink(first.path))
    if !options.contains("ustar") { #expect(byPath["link"]?.kind == .symbolicLink(long)) }
  }

  @Test(arguments: ["GNU_FORMAT", "PAX_FORMAT"])
  func `we read what Python writes of large numbers`(_ format: String) throws {
    let directory = try TemporaryDirectory()
    let script = """
      python3 - <<'END'
      import tarfile
      t = tarfile.open("a.tar", "w", format=tarfile.\(format))
      m = tarfile.TarInfo("n" * 250)
      m.uid, m.gid, m.mtime, m.mode = 4000000000, 2 ** 21, -5, 0o644
      t.addfile(m)
      END
      """
    try shell(script, in: directory.path)
    let entry = try #require(try entries(of: contents(of: directory.path.appending("a.tar"))).first)
    #expect(entry.path.bytes.count == 250)
    #expect(entry.uid == 4_000_000_000 && entry.gid == 2_097_152)
    #expect(entry.modified == FileTime(seconds: -5))
  }
}
