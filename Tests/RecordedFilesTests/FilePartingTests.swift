// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import TestSupport
import Testing

@Suite struct FilePartingTests {
  private let folder: TemporaryDirectory
  private let records: FileRecords

  init() throws {
    folder = try TemporaryDirectory()
    try makeDirectory(folder.appending("tree"))
    try makeDirectory(folder.appending("scratch"))
    records = try FileRecords(creating: folder.appending("records"))
  }

  private func place(_ name: String) -> PathBytes { folder.appending("tree").appending(name) }

  private func link(_ old: String, _ new: String) throws {
    try retrying("link") {
      place(old).withCString { old in
        place(new).withCString { linkat(AT_FDCWD, old, AT_FDCWD, $0, 0) }
      }
    }
  }

  private func setTime(_ path: PathBytes, _ seconds: Int) throws {
    let time = timespec(tv_sec: seconds, tv_nsec: 123_456_789)
    try retrying("utimens") {
      path.withCString { utimensat(AT_FDCWD, $0, [time, time], AT_SYMLINK_NOFOLLOW) }
    }
  }

  private func part(_ name: PathBytes, keepsContent: Bool = true) throws -> FileKey {
    let tree = try FileDescriptor.open(folder.appending("tree"), flags: O_PATH | O_DIRECTORY)
    let scratch = try FileDescriptor.open(folder.appending("scratch"), flags: O_PATH | O_DIRECTORY)
    return try records.part(
      name, in: tree.number, through: scratch.number, keepsContent: keepsContent)
  }

  /// All but the numbers of the inode and how often it is linked.
  private func isAlike(_ a: SeenStatus, _ b: SeenStatus) -> Bool {
    var (first, second) = (a.status, b.status)
    (first.inode, first.linkCount, first.blocks) = (0, 0, 0)
    (second.inode, second.linkCount, second.blocks) = (0, 0, 0)
    return first == second && a.key != b.key
  }

  @Test func `a parted file is the same in all but its inode`() throws {
    let path = try folder.write("tree/f", "head")
    do {
      let file = try FileDescriptor.open(path, flags: O_WRONLY)
      try file.seek(to: 8 << 20)
      try file.writeAll(Array("tail".utf8))
      try file.seek(to: 0)
      try retrying("truncate") { ftruncate(file.number, 16 << 20) }
    }
    let own = ExtendedAttribute(name: "user.own", value: [1, 2])
    try setExtendedAttribute(own, on: path)
    try retrying("chmod") { path.withCString { chmod($0, 0o1644) } }
    try link("f", "g")
    try setTime(path, 1_500_000_000)
    let old = try FileKey(of: path, at: AT_FDCWD)
    records.set(
      FileRecord(uid: 5, gid: 6, mode: FileStatus.Kind.regular.modeBits | 0o4000, hiddenLinks: 1),
      for: old)
    let secret = ExtendedAttribute(name: "security.x", value: [7])
    try records.setAttribute(secret, of: old, default: FileRecord(mode: 0))
    try setTime(folder.appending("tree"), 1_400_000_000)

    let key = try part("f")
    let (seen, other) = (try records.status(of: path), try records.status(of: place("g")))
    #expect(seen.key == key)
    #expect(other.key == old)
    #expect(isAlike(seen, other))
    #expect(seen.status.linkCount == 1)
    #expect(seen.status.blocks < 8 << 10)
    #expect(try records.attributes(ofFileAt: path, seen) == [secret, own])
    #expect(try contents(of: path, limit: 32 << 20) == contents(of: place("g"), limit: 32 << 20))
    #expect(try FileStatus(of: folder.appending("tree")).modified.seconds == 1_400_000_000)
    #expect(try names(inDirectory: folder.appending("scratch")) == [])
    #expect(try names(inDirectory: folder.appending("tree")) == ["f", "g"])
  }

  @Test func `what is truncated next is not copied`() throws {
    let path = try folder.write("tree/f", "text")
    try link("f", "g")
    _ = try part("f", keepsContent: false)
    #expect(try contents(of: path) == [])
    #expect(try contents(of: place("g")) == Array("text".utf8))
  }

  @Test(arguments: ["link", "pipe", "device", "socket"])
  func `other kinds are parted as well`(_ kind: String) throws {
    let path = place(kind)
    switch kind {
    case "link": try folder.symbolicLink("tree/link", to: "../elsewhere")
    case "pipe": try retrying("mkfifo") { path.withCString { mkfifo($0, 0o622) } }
    case "socket": try retrying("mknod") { path.withCString { mknod($0, S_IFSOCK | 0o700, 0) } }
    default: try retrying("mknod") { path.withCString { mknod($0, S_IFCHR | 0o600, 0) } }
    }
    try link(kind, "other")
    try setTime(path, 1_500_000_000)
    let old = try FileKey(of: path, at: AT_FDCWD)
    if kind == "device" {
      records.set(
        FileRecord(
          mode: FileStatus.Kind.characterDevice.modeBits | 0o666, deviceMajor: 1, deviceMinor: 3),
        for: old)
    }
    _ = try part(PathBytes(kind))
    let (seen, other) = (try records.status(of: path), try records.status(of: place("other")))
    #expect(other.key == old)
    #expect(isAlike(seen, other))
    if kind == "link" { #expect(try linkTarget(of: path) == "../elsewhere") }
    if kind == "device" { #expect(seen.status.deviceMinor == 3) }
  }

  @Test func `a directory has no other names`() throws {
    try makeDirectory(place("d"))
    #expect(throws: SystemError("copy", "d", .isDirectory)) { _ = try part("d") }
    #expect(throws: SystemError.self) { _ = try part("missing") }
    #expect(try names(inDirectory: folder.appending("scratch")) == [])
  }
}
