// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import TestSupport
import Testing

@testable import VirtualRoot

@Suite("Paths of the virtual root, name by name") struct WalkerTests {
  private let folder: TemporaryDirectory
  private let world: World
  private let walker: Walker

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("secret", "outside")
    try folder.write("root/etc/passwd", "users")
    try folder.write("root/closed/file", "closed")
    try folder.write("mounted/inner/file", "mounted")
    for (name, target) in [
      ("root/absolute", "/etc"), ("root/up", "../../../../secret"), ("root/etc/up", "../.."),
      ("root/loop", "loop"), ("root/dangling", "/missing"), ("root/data", "/mnt/inner"),
      ("mounted/back", "../etc/passwd"), ("root/etc/slash", "/etc/"),
    ] { try folder.symbolicLink(name, to: PathBytes(target)) }
    let scratch = folder.appending("scratch")
    try makeDirectory(scratch)
    let root = folder.appending("root")
    let mounts = try MountTable(
      [Mount(at: "mnt", .recorded(folder.appending("mounted")))], on: root)
    world = try World(
      root: root, records: try FileRecords(creating: folder.appending("records")), mounts: mounts,
      scratch: scratch, cookie: 0)
    walker = Walker(world)
    let closed = root.appending("closed")
    world.records.set(
      FileRecord(uid: 7, gid: 8, mode: FileMode.directory | 0o710),
      for: try FileKey(of: closed, at: AT_FDCWD))
  }

  private func content(_ path: String, follow: Bool = true, as user: Credentials? = nil) throws
    -> String
  {
    let buffer = PathBuffer()
    try buffer.append(PathBytes(path))
    let node = try walker.file(
      buffer, from: Node(borrowing: world.root, domain: .tree), follow: follow,
      for: Walker.Caller(thread: getpid(), credentials: user))
    if try world.inode(of: node.number, node.domain).isSymbolicLink { return "link" }
    let file = try FileDescriptor.open(PathBytes("/proc/self/fd/\(node.number)"))
    return String(decoding: try contents(of: file), as: UTF8.self)
  }

  @Test(
    "lead to files, and never out of the root",
    arguments: [
      ("/etc/passwd", "users"), ("etc/passwd", "users"), ("//etc/./passwd", "users"),
      ("/absolute/passwd", "users"), ("/etc/../../../etc/passwd", "users"),
      ("/etc/up/etc/passwd", "users"), ("/etc/up/up/../etc/passwd", nil), ("/up", nil),
      ("/mnt/inner/file", "mounted"), ("/data/file", "mounted"),
      ("/mnt/inner/../inner/file", "mounted"),
      ("/mnt/../etc/passwd", "users"), ("/mnt/../../secret", nil), ("/mnt/back", "users"),
      ("/etc/slash/passwd", "users"), ("/mnt/inner/../../etc/passwd", "users"),
    ])
  func files(path: String, expected: String?) throws {
    #expect((try? content(path)) == expected)
    // The mounts are taken away before the folder is.
    world.tidy()
  }

  @Test(
    "fail as the kernel has them fail",
    arguments: [
      ("/missing", ENOENT), ("/etc/passwd/x", ENOTDIR), ("/etc/passwd/", ENOTDIR), ("/loop", ELOOP),
      ("/dangling", ENOENT), ("/etc/passwd/..", ENOTDIR),
      ("/" + String(repeating: "n", count: 256), ENAMETOOLONG),
    ])
  func failures(path: String, code: Int32) {
    #expect(throws: Errno(code)) { try content(path) }
    world.tidy()
  }

  @Test("a link at the end is followed only when asked to")
  func links() throws {
    #expect(try content("/dangling", follow: false) == "link")
    #expect(try content("/mnt/back", follow: false) == "link")
    world.tidy()
  }

  @Test(
    "need search permission of whoever is not root",
    arguments: [
      (7, 9, [], true), (9, 8, [], true), (9, 9, [8], true), (9, 9, [], false),
    ] as [(UInt32, UInt32, [UInt32], Bool)])
  func permissions(uid: UInt32, gid: UInt32, groups: [UInt32], allowed: Bool) throws {
    let user = Credentials(uid: uid, gid: gid, groups: groups)
    if allowed {
      #expect(try content("/closed/file", as: user) == "closed")
    } else {
      #expect(throws: Errno.accessDenied) { try content("/closed/file", as: user) }
    }
    world.tidy()
  }

  @Test("of mounts leave the tree as it was")
  func mounts() throws {
    let place = folder.appending("root/mnt")
    #expect(try FileStatus(of: place).permissions == 0)
    world.tidy()
    #expect(!exists(place))
  }
}
