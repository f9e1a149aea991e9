// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import Testing

@testable import VirtualRoot

@Suite("Virtual credentials") struct CredentialsTests {
  typealias Change = @Sendable (inout Credentials) throws(Errno) -> Void

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var start: Credentials = Credentials(uid: 0, gid: 0, groups: [])
    var change: Change
    /// uid, effective, saved, file system.
    var uids: [UInt32]
    var effective: UInt64? = nil
    var permitted: UInt64? = nil
    var testDescription: String { name }
  }

  private static let all = Credentials.defaultCapabilities
  private static let user = Credentials(uid: 1000, gid: 1000, groups: [])
  private static let files: UInt64 = [
    CAP_CHOWN, CAP_MKNOD, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
  ].reduce(0) { $0 | Credentials.bit($1) }
  private static func root(_ change: Change) -> Credentials {
    var root = Credentials(uid: 0, gid: 0, groups: [])
    try? change(&root)
    return root
  }

  @Test(
    "change as the calls say",
    arguments: [
      Case(
        name: "setuid of root is for good", change: { (c) throws(Errno) in try c.setUserID(5) },
        uids: [5, 5, 5, 5], effective: 0, permitted: 0),
      Case(
        name: "seteuid keeps what is permitted",
        change: { (c) throws(Errno) in
          try c.setUserIDs(real: .max, effective: 5, saved: .max)
        }, uids: [0, 5, 0, 5], effective: 0, permitted: all),
      Case(
        name: "seteuid and back",
        change: { (c) throws(Errno) in
          try c.setUserIDs(real: .max, effective: 5, saved: .max)
          try c.setUserIDs(real: .max, effective: 0, saved: .max)
        }, uids: [0, 0, 0, 0], effective: all, permitted: all),
      Case(
        name: "setreuid sets the saved one",
        change: { (c) throws(Errno) in
          try c.setUserIDs(real: 5, effective: 6)
        }, uids: [5, 6, 6, 6], effective: 0, permitted: 0),
      Case(
        name: "setreuid of the effective one alone",
        change: { (c) throws(Errno) in try c.setUserIDs(real: .max, effective: 0) },
        uids: [0, 0, 0, 0], effective: all, permitted: all),
      Case(
        name: "a user may set what it is already", start: user,
        change: { (c) throws(Errno) in try c.setUserIDs(real: 1000, effective: 1000, saved: 1000) },
        uids: [1000, 1000, 1000, 1000], effective: 0),
      Case(
        name: "PR_SET_KEEPCAPS keeps what is permitted",
        change: { (c) throws(Errno) in
          try c.keepCapabilities(1)
          try c.setUserID(5)
        }, uids: [5, 5, 5, 5], effective: 0, permitted: all),
      Case(
        name: "SECBIT_NO_SETUID_FIXUP keeps all",
        change: { (c) throws(Errno) in
          try c.setSecureBits(UInt64(SecureBits.noSetUserIDFixup))
          try c.setUserID(5)
        }, uids: [5, 5, 5, 5], effective: all, permitted: all),
      Case(
        name: "setfsuid takes the file capabilities alone",
        change: { c in _ = c.setFileSystemUserID(5) }, uids: [0, 0, 0, 5],
        effective: all & ~files, permitted: all),
      Case(
        name: "setfsuid and back",
        change: { c in
          _ = c.setFileSystemUserID(5)
          _ = c.setFileSystemUserID(0)
        }, uids: [0, 0, 0, 0], effective: all),
      Case(
        name: "setfsuid of a user does nothing", start: user,
        change: { c in _ = c.setFileSystemUserID(5) }, uids: [1000, 1000, 1000, 1000]),
    ])
  func changes(_ c: Case) throws {
    var own = c.start
    try c.change(&own)
    #expect([own.uid, own.effectiveUID, own.savedUID, own.fileSystemUID] == c.uids)
    if let effective = c.effective { #expect(own.effective == effective) }
    if let permitted = c.permitted { #expect(own.permitted == permitted) }
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var name: String
    var start: Credentials = Credentials(uid: 0, gid: 0, groups: [])
    var errno: Int32 = EPERM
    var change: Change
    var testDescription: String { name }
  }

  @Test(
    "refuse as the calls say",
    arguments: [
      Refusal(name: "setuid(0) of a user", start: user) { (c) throws(Errno) in
        try c.setUserID(0)
      },
      Refusal(name: "setuid(-1)", errno: EINVAL) { (c) throws(Errno) in try c.setUserID(.max) },
      Refusal(name: "setgid(-1)", errno: EINVAL) { (c) throws(Errno) in try c.setGroupID(.max) },
      Refusal(name: "setreuid to a stranger", start: user) { (c) throws(Errno) in
        try c.setUserIDs(real: 1000, effective: 5)
      },
      Refusal(name: "setresuid with one stranger", start: user) { (c) throws(Errno) in
        try c.setUserIDs(real: 1000, effective: 1000, saved: 0)
      },
      Refusal(name: "setresgid of a user", start: user) { (c) throws(Errno) in
        try c.setGroupIDs(real: 0, effective: 0, saved: 0)
      },
      Refusal(name: "setgroups of a user", start: user) { (c) throws(Errno) in
        try c.setGroups([])
      },
      Refusal(name: "setgroups with -1", errno: EINVAL) { (c) throws(Errno) in
        try c.setGroups([1, .max])
      },
      Refusal(
        name: "setgid after CAP_SETGID is gone",
        start: root { (c) throws(Errno) in
          try c.setCapabilities(effective: 0, permitted: all, inheritable: 0)
        }
      ) { (c) throws(Errno) in try c.setGroupID(5) },
      Refusal(name: "a capability more than is permitted") { (c) throws(Errno) in
        try c.setCapabilities(
          effective: c.effective, permitted: c.permitted | 1 << 21, inheritable: 0)
      },
      Refusal(name: "in effect without being permitted") { (c) throws(Errno) in
        try c.setCapabilities(effective: 1, permitted: 0, inheritable: 0)
      },
      Refusal(name: "inheritable beyond the bounding set") { (c) throws(Errno) in
        try c.setCapabilities(effective: 0, permitted: 0, inheritable: 1 << 21)
      },
      Refusal(name: "bounding set of a user", start: user) { (c) throws(Errno) in
        try c.dropFromBounding(0)
      },
      Refusal(name: "no such capability", errno: EINVAL) { (c) throws(Errno) in
        try c.dropFromBounding(63)
      },
      Refusal(name: "a locked bit") { (c) throws(Errno) in
        try c.setSecureBits(UInt64(SecureBits.noRoot << 1))
        try c.setSecureBits(UInt64(SecureBits.noRoot << 1 | SecureBits.noRoot))
      },
      Refusal(name: "ambient without inheritable") { (c) throws(Errno) in
        _ = try c.controlAmbient(2, 0)
      },
      Refusal(name: "an ambient operation of the future", errno: EINVAL) { (c) throws(Errno) in
        _ = try c.controlAmbient(9, 0)
      },
    ])
  func refusals(_ c: Refusal) {
    var own = c.start
    #expect(throws: Errno(c.errno)) { try c.change(&own) }
  }

  @Test("ambient capabilities follow the others")
  func ambient() throws {
    var own = Credentials(uid: 0, gid: 0, groups: [])
    try own.setCapabilities(effective: own.effective, permitted: own.permitted, inheritable: 3)
    #expect(try own.controlAmbient(2, 1) == false)
    #expect(try own.controlAmbient(1, 1))
    try own.setCapabilities(effective: own.effective, permitted: own.permitted, inheritable: 1)
    #expect(own.ambient == 0)
  }

  @Test("groups are sorted, as the kernel has them")
  func groups() throws {
    var own = Credentials(uid: 0, gid: 0, groups: [])
    try own.setGroups([7, 3, 5])
    #expect(own.groups == [3, 5, 7])
    #expect(own.isMember(of: 5) && own.isMember(of: 0) && !own.isMember(of: 4))
  }
}
