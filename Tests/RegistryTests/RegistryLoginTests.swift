// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import OCI
import Testing

@testable import Registry

@Suite struct RegistryLoginTests {
  private let local: TemporaryStore

  init() throws { local = try TemporaryStore() }

  private func roundTrip(_ registry: TestRegistry, _ credentials: Credentials) async throws {
    let image = try makeImage(noise(1000), in: local.store)
    let client = makeClient(credentials)
    let reference = try registry.reference("team/app:1")
    try await push(
      image, from: local.store, to: RegistryDestination(reference, client: client))
    let other = try TemporaryStore()
    _ = try await pull(RegistrySource(reference, client: client), into: other)
  }

  @Test func `a password is asked for once and then sent at once`() async throws {
    let registry = try TestRegistry(.basic(username: "u", password: "p:ä"))
    try await roundTrip(registry, credentials(registry.authority, "u", "p:ä"))
    let withoutLogin = registry.requests.filter { $0.headers["authorization"] == nil }
    // The probe for plain HTTP, and the first request.
    #expect(withoutLogin.count == 2)
  }

  @Test func `one token a scope is fetched and used again`() async throws {
    let registry = try TestRegistry(.token(username: "u", password: "p"))
    try await roundTrip(registry, credentials(registry.authority, "u", "p"))
    let scopes = registry.requests("GET", "/token").map { $0.all("scope") }
    #expect(scopes == [["repository:team/app:pull,push"], ["repository:team/app:pull"]])
    #expect(registry.requests("GET", "/token").allSatisfy { $0["service"] == "test" })
  }

  @Test func `an identity token is exchanged`() async throws {
    let registry = try TestRegistry(
      .token(username: "u", password: "p", identityToken: "refresh+me"))
    var credentials = Credentials()
    credentials.set(.identityToken(Secret("refresh+me")), for: registry.authority)
    try await roundTrip(registry, credentials)
    #expect(registry.requests("POST", "/token").count == 2)
  }

  @Test func `an expired token is replaced once`() async throws {
    let registry = try TestRegistry(.token(username: "u", password: "p"))
    registry.put(manifest: Array(#"{"config":{}}"#.utf8), as: "1", in: "a")
    let client = makeClient(credentials(registry.authority, "u", "p"))
    let source = RegistrySource(try registry.reference("a:1"), client: client)
    _ = try await source.manifest(nil)
    registry.expireTokens()
    _ = try await source.manifest(nil)
    #expect(registry.requests("GET", "/token").count == 2)
  }

  @Test func `a mount asks for both repositories`() async throws {
    let registry = try TestRegistry(.token(username: "u", password: "p"))
    let digest = registry.put(blob: [1, 2, 3], in: "base")
    let client = makeClient(credentials(registry.authority, "u", "p"))
    let isMounted = try await client.mountBlob(
      digest, from: RepositoryEndpoint(registry: registry.authority, name: "base"),
      in: RepositoryEndpoint(registry: registry.authority, name: "app"))
    #expect(isMounted)
    #expect(
      registry.requests("GET", "/token").last.map { Set($0.all("scope")) } == [
        "repository:app:pull,push", "repository:base:pull",
      ])
  }

  @Test func `a wrong password is said to be refused and not repeated`() async throws {
    for login in [
      TestRegistry.Login.basic(username: "u", password: "p"),
      .token(username: "u", password: "p"),
    ] {
      let registry = try TestRegistry(login)
      let client = makeClient(credentials(registry.authority, "u", "wrong-secret"))
      let source = RegistrySource(try registry.reference("a:1"), client: client)
      do {
        _ = try await source.manifest(nil)
        Issue.record("nothing was thrown")
      } catch let error as RegistryError {
        let text = error.diagnostic.rendered()
        #expect(text.contains("docker login \(registry.authority)"))
        #expect(!text.contains("wrong-secret"))
      }
      #expect(registry.requests.count == 3)
    }
  }

  @Test func `a token server that is busy is asked again`() async throws {
    let registry = try TestRegistry(.token(username: "u", password: "p"))
    registry.put(manifest: Array(#"{"config":{}}"#.utf8), as: "1", in: "a")
    registry.misbehave(.status(503), on: "GET", "/token")
    let pauses = Pauses()
    let client = makeClient(credentials(registry.authority, "u", "p"), pauses: pauses)
    _ = try await RegistrySource(try registry.reference("a:1"), client: client).manifest(nil)
    #expect(pauses.durations.count == 1)
  }

  @Test func `a token server that answers nonsense is refused`() async throws {
    let registry = try TestRegistry(.token(username: "u", password: "p"))
    registry.misbehave(.status(200, body: #"{"tokn":1}"#), on: "GET", "/token")
    let client = makeClient(credentials(registry.authority, "u", "p"))
    let source = RegistrySource(try registry.reference("a:1"), client: client)
    await #expect(throws: RegistryError.self) { try await source.manifest(nil) }
  }

  @Test func `TLS is not left for a token server, a redirect or an upload`() throws {
    let options = RegistryOptions()
    let secure = try #require(HTTPURL("https://r.example/"))
    let plain = try #require(HTTPURL("http://auth.example/token?x=y"))
    #expect(
      throws: RegistryError.insecureTarget(host: "r.example", target: "http://auth.example")
    ) { try options.checkTarget(plain, from: secure, access: .pull) }
    try options.checkTarget(secure, from: plain, access: .pull)
    var allowed = RegistryOptions()
    allowed.insecureHosts = ["auth.example"]
    try allowed.checkTarget(plain, from: secure, access: .pull)
  }
}
