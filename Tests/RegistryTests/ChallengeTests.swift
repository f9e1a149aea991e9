// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

@Suite struct ChallengeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var lines: [String]
    var expected: Challenge?
    var testDescription: String { lines.joined(separator: " | ") }
  }

  @Test(arguments: [
    Case(
      lines: [#"Bearer realm="https://a.example/t",service="s",scope="repository:x:pull,push""#],
      expected: .bearer(
        realm: "https://a.example/t", service: "s", scope: "repository:x:pull,push")),
    Case(
      lines: ["bearer Realm=https://a.example/t"],
      expected: .bearer(realm: "https://a.example/t", service: nil, scope: nil)),
    Case(
      lines: [#"Basic realm="x", Bearer realm = "r" , service="a \"b\"""#],
      expected: .bearer(realm: "r", service: "a \"b\"", scope: nil)),
    Case(
      lines: ["Negotiate", #"Basic realm="a, b""#], expected: .basic),
    Case(lines: ["Basic"], expected: .basic),
    Case(lines: [#"Bearer service="no realm""#], expected: nil),
    Case(lines: [#"realm="lost""#], expected: nil),
    Case(
      lines: [#"Bearer realm="never closed"#],
      expected: .bearer(realm: "never closed", service: nil, scope: nil)),
    Case(lines: ["=,=,\"", "", ","], expected: nil),
    Case(lines: [], expected: nil),
  ])
  func `a challenge is read, the token before the password`(_ c: Case) {
    var headers = HTTPHeaders()
    for line in c.lines { headers.add("WWW-Authenticate", line) }
    #expect(Challenge(headers) == c.expected)
  }

  @Test func `no damaged challenge is a trap`() {
    let line = Array(#"Basic realm="a\"b", Bearer realm="r",service=s ,scope="x:y:z""#.utf8)
    for (round, byte) in noise(5000).enumerated() {
      var damaged = line
      damaged[(round * 7) % line.count] = byte
      damaged.removeLast(round % line.count)
      var headers = HTTPHeaders()
      headers.add("www-authenticate", String(decoding: damaged, as: UTF8.self))
      if case .bearer(_, _, let scope) = Challenge(headers) {
        #expect(TokenScope.union([.repository("a", .pull)], challenge: scope).count >= 1)
      }
    }
  }

  @Test(arguments: [
    ("", "repository:a:pull,push"),
    ("repository:a:push,pull", "repository:a:pull,push"),
    ("repository:a:delete", "repository:a:delete,pull,push"),
    (
      "repository:b:pull registry:catalog:*",
      "repository:a:pull,push repository:b:pull registry:catalog:*"
    ),
    ("repository:host:5000/a:pull", "repository:a:pull,push repository:host:5000/a:pull"),
    ("nonsense also:nonsense", "repository:a:pull,push"),
  ])
  func `scopes of a challenge join ours`(_ asked: String, _ expected: String) {
    let all = TokenScope.union([.repository("a", .push)], challenge: asked)
    #expect(all.map(\.description).joined(separator: " ") == expected)
  }
}
