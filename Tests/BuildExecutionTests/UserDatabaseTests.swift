// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BuildExecution

@Suite struct UserDatabaseTests {
  static let passwd = """
    root:x:0:0:root:/root:/bin/sh
    # a comment
    app:x:1000:1001:App:/home/app:/bin/sh
    short:x:7
    words:x:many:1:w:/w:/bin/sh
    7000:x:42:43::/odd:/bin/sh
    nohome:x:8:9:::/bin/sh

    """
  static let group = """
    root:x:0:
    app:x:1001:
    audio:x:29:app,other
    video:x:44:other,app
    broken:x
    worse:x:none:app
    alone:x:60
    """
  static let users = UserDatabase(passwd: Array(passwd.utf8), group: Array(group.utf8))

  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var identity: UserDatabase.Identity?
    var testDescription: String { "\"\(text)\"" }

    /// - Parameter groups: Those besides the user's own.
    init(_ text: String, _ ids: (UInt32, UInt32)?, groups: [UInt32] = [], home: String = "/") {
      self.text = text
      identity = ids.map {
        UserDatabase.Identity(uid: $0.0, gid: $0.1, groups: [$0.1] + groups, home: home)
      }
    }
  }

  @Test(arguments: [
    Case("app", (1000, 1001), groups: [29, 44], home: "/home/app"),
    Case("1000", (1000, 1001), groups: [29, 44], home: "/home/app"),
    Case("app:audio", (1000, 29), home: "/home/app"),
    Case("app:7", (1000, 7), home: "/home/app"),
    Case("app:", (1000, 1001), groups: [29, 44], home: "/home/app"),
    Case("1234", (1234, 0)),
    Case("1234:alone", (1234, 60)),
    Case("nohome", (8, 9)),
    Case("root", (0, 0), home: "/root"),
    Case("absent", nil),
    Case("app:absent", nil),
    Case("short", nil),
    Case("words", nil),
    Case("app:broken", nil),
    Case("app:worse", nil),
    Case("-1", nil),
    Case("4294967296", nil),
    Case("4294967295", nil),
    Case("app:4294967295", nil),
    Case("a:b:c", nil),
  ])
  func `USER gives an identity, or is refused`(_ c: Case) {
    #expect((try? Self.users.identity(c.text, at: somewhere)) == c.identity)
  }

  struct Owner: Sendable, CustomTestStringConvertible {
    var text: String
    var ids: [UInt32]?
    var testDescription: String { "\"\(text)\"" }
  }

  @Test(arguments: [
    Owner(text: "app", ids: [1000, 1001]),
    Owner(text: "app:audio", ids: [1000, 29]),
    Owner(text: "1000", ids: [1000, 1000]),
    Owner(text: "55:66", ids: [55, 66]),
    Owner(text: "55:audio", ids: [55, 29]),
    Owner(text: ":audio", ids: [0, 29]),
    Owner(text: ":5", ids: [0, 5]),
    Owner(text: "absent", ids: nil),
    Owner(text: "1:absent", ids: nil),
    Owner(text: "1:2:3", ids: nil),
  ])
  func `--chown gives an owner, or is refused`(_ c: Owner) {
    let owner = try? Self.users.owner(c.text, at: somewhere)
    #expect(owner.map { [$0.uid, $0.gid] } == c.ids)
  }

  @Test func `root is known to an image without files`() throws {
    let nobody = UserDatabase(passwd: [], group: [])
    #expect(try nobody.identity("root:root", at: somewhere).uid == 0)
    #expect(try nobody.owner("root", at: somewhere) == (0, 0))
    #expect(throws: ExecutionError.unknownUser("app", at: somewhere)) {
      try nobody.identity("app", at: somewhere)
    }
    #expect(throws: ExecutionError.unknownGroup("app", at: somewhere)) {
      try nobody.owner("0:app", at: somewhere)
    }
  }

  @Test func `bytes that are no text do no harm`() throws {
    let users = UserDatabase(
      passwd: [0xFF, 0x3A, 0, 0x0A] + Array(Self.passwd.utf8), group: [0xC3])
    #expect(try users.identity("app", at: somewhere).uid == 1000)
  }
}
