// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import Testing

@testable import VirtualRoot

@Suite("Access control lists") struct AccessListTests {
  /// user::rw- user:1000:rwx group::r-- group:50:-w- mask::rw- other::---
  private static let entries: [(UInt16, UInt16, UInt32)] = [
    (1, 6, .max), (2, 7, 1000), (4, 4, .max), (8, 2, 50), (16, 6, .max), (32, 0, .max),
  ]

  private static func list(_ entries: [(UInt16, UInt16, UInt32)], version: UInt32 = 2) -> [UInt8] {
    var bytes = withUnsafeBytes(of: version) { Array($0) }
    for (tag, permissions, id) in entries {
      bytes += withUnsafeBytes(of: tag) { Array($0) }
      bytes += withUnsafeBytes(of: permissions) { Array($0) }
      bytes += withUnsafeBytes(of: id) { Array($0) }
    }
    return bytes
  }

  private static func read(_ bytes: [UInt8]) throws -> AccessList {
    try bytes.withUnsafeBytes { try AccessList($0) }
  }

  @Test("are read and written as extended attributes have them")
  func roundTrip() throws {
    let bytes = Self.list(Self.entries)
    let list = try Self.read(bytes)
    #expect(list.bytes == bytes)
    #expect(list.mode == 0o660)
    #expect(!list.isMode)
    #expect(try Self.read(Self.list([(1, 7, .max), (4, 5, .max), (32, 0, .max)])).isMode)
  }

  @Test(
    "that contradict themselves are refused",
    arguments: [
      ([(1, 6, .max), (4, 4, .max)], "other is missing"),
      ([(1, 6, .max), (2, 7, 5), (4, 4, .max), (32, 0, .max)], "a named user needs a mask"),
      ([(4, 4, .max), (1, 6, .max), (32, 0, .max)], "out of order"),
      ([(1, 8, .max), (4, 4, .max), (32, 0, .max)], "no such permission"),
      ([(1, 6, .max), (3, 4, .max), (4, 4, .max), (32, 0, .max)], "no such tag"),
    ] as [([(UInt16, UInt16, UInt32)], String)])
  func invalid(entries: [(UInt16, UInt16, UInt32)], reason: String) {
    #expect(throws: Errno.invalidArgument, "\(reason)") { try Self.read(Self.list(entries)) }
  }

  @Test("of another version, or cut off, are refused")
  func damaged() {
    #expect(throws: Errno.notSupported) { try Self.read(Self.list(Self.entries, version: 3)) }
    #expect(throws: Errno.invalidArgument) {
      try Self.read(Array(Self.list(Self.entries).dropLast()))
    }
    #expect(throws: Errno.invalidArgument) { try Self.read([2, 0]) }
  }

  @Test("follow the mode that is set")
  func setMode() throws {
    var list = try Self.read(Self.list(Self.entries))
    list.setMode(0o751)
    #expect(list.mode == 0o751)
    #expect(list.entries[2].permissions == 4, "the mask changes, the group does not")
  }

  @Test(
    "grant what their entry grants, within the mask",
    arguments: [
      // uid, gid, groups, wanted, granted
      (0o100, 9, [], R_OK | W_OK, true), (0o100, 9, [], X_OK, false),
      (1000, 9, [], R_OK | W_OK, true), (1000, 9, [], X_OK, false),
      (7, 70, [], R_OK, true), (7, 70, [], W_OK, false), (7, 9, [50], W_OK, true),
      (7, 9, [50], R_OK, false), (7, 70, [50], R_OK | W_OK, false), (7, 9, [], R_OK, false),
    ] as [(UInt32, UInt32, [UInt32], Int32, Bool)])
  func permissions(uid: UInt32, gid: UInt32, groups: [UInt32], wanted: Int32, granted: Bool) throws
  {
    let record = FileRecord(uid: 0o100, gid: 70, mode: FileMode.regular | 0o660)
    let inode = Inode(raw: statx(), record: record, domain: .tree)
    let credentials = Credentials(uid: uid, gid: gid, groups: groups)
    let list = try Self.read(Self.list(Self.entries))
    #expect(inode.permits(wanted, credentials, list) == granted)
  }
}
