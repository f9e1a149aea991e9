// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Testing

@testable import Registry

@Suite struct CredentialsTests {
  private static let config = Array(
    #"""
    {
      "auths": {
        "https://index.docker.io/v1/": {"auth": "aHViOmh1Yi1wYXNz"},
        "r.example": {"username": "host", "password": "p"},
        "r.example/team": {"username": "team", "password": "p"},
        "http://Old.example:5000/v2/": {"auth": "b2xkOmE6Yg=="},
        "acr.example": {"auth": "eDp5", "identitytoken": "refresh"},
        "raw.example": {"registrytoken": "access"},
        "helped.example": {}
      },
      "credHelpers": {"helped.example": "vault"},
      "HttpHeaders": {"X": "y"}
    }
    """#.utf8)

  struct Case: Sendable, CustomTestStringConvertible {
    var registry: String
    var repository: String
    var expected: Credential?
    var testDescription: String { "\(registry)/\(repository)" }
  }

  @Test(arguments: [
    Case(
      registry: "docker.io", repository: "library/debian",
      expected: .password(username: "hub", Secret("hub-pass"))),
    Case(
      registry: "r.example", repository: "other/app",
      expected: .password(username: "host", Secret("p"))),
    Case(
      registry: "r.example", repository: "team/app",
      expected: .password(username: "team", Secret("p"))),
    Case(
      registry: "r.example", repository: "teams/app",
      expected: .password(username: "host", Secret("p"))),
    Case(
      registry: "old.example:5000", repository: "a",
      expected: .password(username: "old", Secret("a:b"))),
    Case(registry: "old.example", repository: "a", expected: nil),
    Case(registry: "acr.example", repository: "a", expected: .identityToken(Secret("refresh"))),
    Case(registry: "raw.example", repository: "a", expected: .registryToken(Secret("access"))),
    Case(registry: "helped.example", repository: "a", expected: nil),
    Case(registry: "unknown.example", repository: "a", expected: nil),
  ])
  func `the longest matching key wins`(_ c: Case) throws {
    let credentials = try Credentials(dockerConfig: Self.config, file: "config.json")
    let found = credentials.lookup(registry: c.registry, repository: c.repository)
    #expect(found.credential == c.expected)
  }

  @Test func `a lookup knows where it looked and which helper was left out`() throws {
    let credentials = try Credentials(dockerConfig: Self.config, file: "config.json")
    let found = credentials.lookup(registry: "helped.example", repository: "a/b")
    #expect(found.keys == ["helped.example/a/b", "helped.example/a", "helped.example"])
    #expect(found.files == ["config.json"])
    #expect(found.warning?.message.contains("docker-credential-vault") == true)
    #expect(credentials.lookup(registry: "r.example", repository: "a").warning == nil)
  }

  @Test func `a store for all hosts is a helper of every host without credentials`() throws {
    let credentials = try Credentials(
      dockerConfig: Array(#"{"credsStore":"desktop"}"#.utf8), file: "f")
    #expect(credentials.lookup(registry: "docker.io", repository: "a").helper == "desktop")
  }

  @Test(arguments: [
    ("", "not JSON"), ("[]", "not a JSON object"),
    (#"{"auths":{"h":{"auth":"***"}}}"#, "not base64"),
    (#"{"auths":{"h":{"auth":"c2VjcmV0"}}}"#, "colon"),
    (#"{"auths":{"h":{"auth":"/////w=="}}}"#, "not base64"),
  ])
  func `a bad file is refused without quoting it`(_ text: String, _ reason: String) {
    do {
      _ = try Credentials(dockerConfig: Array(text.utf8), file: "config.json")
      Issue.record("nothing was thrown")
    } catch let error as RegistryError {
      let text = error.diagnostic.rendered()
      #expect(text.contains(reason) && text.contains("config.json"))
      #expect(!text.contains("secret") && !text.contains("c2VjcmV0"))
    } catch {
      Issue.record(error)
    }
  }

  @Test func `what is merged on top wins`() throws {
    var top = Credentials()
    top.set(.password(username: "top", Secret("p")), for: "https://r.example/")
    let merged = try Credentials(dockerConfig: Self.config, file: "f").merging(top)
    let found = merged.lookup(registry: "r.example", repository: "a")
    #expect(found.credential == .password(username: "top", Secret("p")))
  }
}
