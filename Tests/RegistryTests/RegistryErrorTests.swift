// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Testing

@testable import Registry

@Suite struct RegistryErrorTests {
  private static let repository = RepositoryEndpoint(registry: "r.example", name: "a/b")

  struct Case: Sendable, CustomTestStringConvertible {
    var error: RegistryError
    var words: [String]
    var exit: ExitCode = .failure
    var testDescription: String { words.joined(separator: " … ") }
  }

  @Test(arguments: [
    Case(
      error: .unreachable(host: "r.example:5000", reason: "Connection refused"),
      words: ["r.example:5000 cannot be reached", "Connection refused"], exit: .surroundings),
    Case(
      error: .untrusted(host: "r.example", reason: "self-signed certificate"),
      words: ["TLS", "self-signed", "--skip-tls-verify", "--insecure"], exit: .surroundings),
    Case(
      error: .denied(
        repository, .push, status: 401,
        CredentialLookup(
          keys: ["r.example/a/b", "r.example"], files: ["/root/.docker/config.json"]),
        ServerMessage(Array(#"{"errors":[{"code":"DENIED","message":"no\u001b[2J"}]}"#.utf8))),
      words: [
        "push \"a/b\"", "DENIED: no\\u{1b}[2J",
        "r.example/a/b, r.example in /root/.docker/config.json",
        "docker login r.example",
      ]),
    Case(
      error: .denied(
        repository, .pull, status: 403,
        CredentialLookup(credential: .password(username: "user-x", Secret("secret-y"))), nil),
      words: ["pull \"a/b\"", "credentials were sent"]),
    Case(
      error: .rateLimited(host: "r.example", seconds: 9), words: ["9 seconds"], exit: .surroundings),
    Case(
      error: .insecureTarget(host: "r.example", target: "http://s.example"),
      words: ["http://s.example", "--insecure-registry"], exit: .surroundings),
    Case(
      error: .refused(host: "r.example", status: 500, request: "PUT /v2/a/b/manifests/1", nil),
      words: ["PUT /v2/a/b/manifests/1", "500"], exit: .surroundings),
  ])
  func `an error says what, where and what to do, and no secret`(_ c: Case) {
    let text = c.error.diagnostic.rendered()
    for word in c.words { #expect(text.contains(word)) }
    #expect(!text.contains("secret-y") && !text.contains("user-x"))
    #expect(c.error.diagnostic.exit == c.exit)
  }

  @Test(arguments: ["", "{}", "[]", #"{"errors":[]}"#, #"{"errors":[{}]}"#, "<html>"])
  func `an error page is no server message`(_ body: String) {
    #expect(ServerMessage(Array(body.utf8)) == nil)
  }

  @Test func `a long server message is cut`() {
    let body = #"{"errors":[{"code":"X","message":"\#(String(repeating: "y", count: 5000))"}]}"#
    #expect(ServerMessage(Array(body.utf8)).map { $0.text.count < 320 } == true)
  }
}
