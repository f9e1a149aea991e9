// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import Testing

@testable import VirtualRoot

@Suite("Credentials after exec") struct CredentialsOnExecTests {
  private static let all = Credentials.defaultCapabilities
  private static let raw: UInt64 = Credentials.bit(CAP_NET_RAW)
  private static let bind: UInt64 = Credentials.bit(CAP_NET_BIND_SERVICE)
  private static let admin: UInt64 = Credentials.bit(CAP_SYS_ADMIN)

  static func user(_ change: (inout Credentials) -> Void = { _ in }) -> Credentials {
    var user = Credentials(uid: 1000, gid: 1000, groups: [])
    change(&user)
    return user
  }

  static func file(_ permitted: UInt64, inheritable: UInt64 = 0, effective: Bool = true)
    -> FileCapabilities
  {
    FileCapabilities(
      permitted: permitted, inheritable: inheritable, isEffective: effective)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var start = Credentials(uid: 0, gid: 0, groups: [])
    var mode: UInt32 = 0o755
    var owner: (UInt32, UInt32) = (0, 0)
    var file: FileCapabilities? = nil
    /// Real and effective.
    var uids: [UInt32]
    var gids: [UInt32]? = nil
    var permitted: UInt64
    var effective: UInt64
    var isSecure = false
    var testDescription: String { name }
  }

  @Test(
    "are those of capabilities(7)",
    arguments: [
      Case(name: "root stays root", uids: [0, 0], permitted: all, effective: all),
      Case(
        name: "a user stays a user", start: user(), uids: [1000, 1000], permitted: 0, effective: 0),
      Case(
        name: "setuid root", start: user(), mode: 0o4755, uids: [1000, 0], permitted: all,
        effective: all, isSecure: true),
      Case(
        name: "setuid root with no_new_privs", start: user { $0.hasNoNewPrivileges = true },
        mode: 0o4755, uids: [1000, 1000], permitted: 0, effective: 0),
      Case(
        name: "setuid of a user, from root", mode: 0o4755, owner: (5, 0), uids: [0, 5],
        permitted: all, effective: 0, isSecure: true),
      Case(
        name: "setgid", start: user(), mode: 0o2755, owner: (0, 7), uids: [1000, 1000],
        gids: [1000, 7], permitted: 0, effective: 0, isSecure: true),
      Case(
        name: "setgid without execution by the group", start: user(), mode: 0o2705, owner: (0, 7),
        uids: [1000, 1000], gids: [1000, 1000], permitted: 0, effective: 0),
      Case(
        name: "file capabilities", start: user(), file: file(raw), uids: [1000, 1000],
        permitted: raw, effective: raw, isSecure: true),
      Case(
        name: "file capabilities that are not in effect", start: user(),
        file: file(raw, effective: false), uids: [1000, 1000], permitted: raw, effective: 0,
        isSecure: true),
      Case(
        name: "file capabilities out of bounds, not in effect", start: user(),
        file: file(raw | admin, effective: false), uids: [1000, 1000], permitted: raw,
        effective: 0, isSecure: true),
      Case(
        name: "file capabilities with no_new_privs", start: user { $0.hasNoNewPrivileges = true },
        file: file(raw), uids: [1000, 1000], permitted: 0, effective: 0, isSecure: true),
      Case(
        name: "inheritable ones of both sides", start: user { $0.inheritable = raw | bind },
        file: file(0, inheritable: raw), uids: [1000, 1000], permitted: raw, effective: raw,
        isSecure: true),
      Case(
        name: "ambient ones stay",
        start: user { ($0.permitted, $0.inheritable, $0.ambient) = (raw, raw, raw) },
        uids: [1000, 1000], permitted: raw, effective: raw),
      Case(
        name: "file capabilities end the ambient ones",
        start: user { ($0.permitted, $0.inheritable, $0.ambient) = (raw, raw, raw) },
        file: file(bind), uids: [1000, 1000], permitted: bind, effective: bind, isSecure: true),
      Case(
        name: "setuid root with file capabilities has only those", start: user(), mode: 0o4755,
        file: file(raw), uids: [1000, 0], permitted: raw, effective: raw, isSecure: true),
      Case(
        name: "root with file capabilities has all", file: file(raw), uids: [0, 0],
        permitted: all, effective: all),
      Case(
        name: "root without the privileges of root",
        start: {
          var root = Credentials(uid: 0, gid: 0, groups: [])
          root.secureBits = SecureBits.noRoot
          return root
        }(), uids: [0, 0], permitted: 0, effective: 0),
    ])
  func transitions(_ c: Case) throws {
    let (new, isSecure) = try c.start.afterExec(
      mode: c.mode | FileMode.regular, uid: c.owner.0, gid: c.owner.1, c.file)
    #expect([new.uid, new.effectiveUID] == c.uids)
    #expect([new.savedUID, new.fileSystemUID] == [new.effectiveUID, new.effectiveUID])
    if let gids = c.gids { #expect([new.gid, new.effectiveGID] == gids) }
    #expect(new.permitted == c.permitted)
    #expect(new.effective == c.effective)
    #expect(isSecure == c.isSecure)
  }

  @Test("fail where a program would not get what it needs")
  func outOfBounds() {
    #expect(throws: Errno.notPermitted) {
      try Self.user().afterExec(
        mode: 0o100755, uid: 0, gid: 0, Self.file(Self.raw | Self.admin))
    }
  }

  @Test("PR_SET_KEEPCAPS ends")
  func keepCapabilities() throws {
    var own = Credentials(uid: 0, gid: 0, groups: [])
    try own.keepCapabilities(1)
    let new = try own.afterExec(mode: 0o100755, uid: 0, gid: 0, nil).credentials
    #expect(!new.isSecure(SecureBits.keepCapabilities))
  }

  @Test(
    "file capabilities are read as vfs_cap_data",
    arguments: [
      ("0000000200200000000000000000000000000000", nil, true),
      ("0100000200200000000000000000000000000000", file(0x2000), true),
      ("010000020020000000200000010000000000_0000", file(0x1_0000_2000, inheritable: 0x2000), true),
      ("01000003002000000000000000000000000000000000_0000", file(0x2000), true),
      ("0100000300200000000000000000000000000000e8030000", nil, false),
      ("010000010020000000000000", file(0x2000), true),
      ("0100000500200000000000000000000000000000", nil, false),
      ("010000020020", nil, false), ("", nil, false),
    ] as [(String, FileCapabilities?, Bool)])
  func attributes(hex: String, expected: FileCapabilities?, isValid: Bool) {
    let digits = Array(hex.filter { $0 != "_" })
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    let found = FileCapabilities(bytes)
    #expect((found != nil) == isValid)
    if let expected { #expect(found == expected) }
  }
}
