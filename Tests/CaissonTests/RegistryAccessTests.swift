// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI
import Synchronization
import TestSupport
import Testing

@testable import caisson

/// ``machine``, with these variables set.
private func machine(with variables: [String: String]) -> Surroundings {
  var result = machine
  result.environment.merge(variables) { $1 }
  return result
}

@Suite struct RegistryAccessTests {
  private func access(
    _ variables: [String: String], _ line: String = "build"
  ) throws -> RegistryAccess {
    try #require(try buildOptions(line, machine(with: variables))).registry
  }

  struct ProxyCase: Sendable, CustomTestStringConvertible {
    var variables: [String: String]
    var http: String?
    var https: String?
    var exceptions: String?
    var testDescription: String { variables.keys.sorted().joined(separator: " ") }
  }

  @Test(arguments: [
    ProxyCase(variables: [:]),
    ProxyCase(variables: ["http_proxy": "http://p:1"], http: "http://p:1"),
    ProxyCase(variables: ["HTTPS_PROXY": "http://p:2"], https: "http://p:2"),
    ProxyCase(
      variables: ["https_proxy": "http://low:2", "HTTPS_PROXY": "http://up:2"],
      https: "http://low:2"),
    ProxyCase(
      variables: ["ALL_PROXY": "http://p:3", "http_proxy": "http://p:1", "NO_PROXY": "a,.b"],
      http: "http://p:1", https: "http://p:3", exceptions: "a,.b"),
    ProxyCase(variables: ["http_proxy": ""]),
  ])
  func `the environment's proxies reach the client, and only they`(_ c: ProxyCase) throws {
    let proxies = try #require(try access(c.variables).clientOptions().http.proxies)
    #expect(proxies.http == c.http)
    #expect(proxies.https == c.https)
    #expect(proxies.exceptions == c.exceptions)
  }

  @Test func `a proxy's password is not printed with the options`() throws {
    let options = try buildOptions("build", machine(with: ["http_proxy": "http://ada:hunter2@p"]))
    var text = ""
    dump(options, to: &text)
    #expect(!text.contains("hunter2"))
  }

  struct TrustCase: Sendable, CustomTestStringConvertible {
    var variables: [String: String]
    var programFolder: PathBytes?
    var places: [PathBytes]
    var testDescription: String { "\(variables) \(programFolder ?? "")" }
  }

  @Test(arguments: [
    TrustCase(variables: [:], places: []),
    TrustCase(variables: ["SSL_CERT_FILE": "ca.pem"], places: ["/src/app/ca.pem"]),
    TrustCase(variables: ["SSL_CERT_DIR": "/a:b"], places: ["/a", "/src/app/b"]),
    TrustCase(variables: ["SSL_CERT_FILE": "/f", "SSL_CERT_DIR": "/a"], places: ["/f", "/a"]),
    TrustCase(variables: [:], programFolder: "/kaniko", places: ["/kaniko/ssl/certs"]),
    TrustCase(variables: ["SSL_CERT_FILE": "/f"], programFolder: "/kaniko", places: ["/f"]),
  ])
  func `the environment says whom to trust, then the program's folder`(_ c: TrustCase) throws {
    var surroundings = machine(with: c.variables)
    surroundings.programFolder = c.programFolder
    let options = try #require(try buildOptions("build", surroundings))
    #expect(options.registry.certificatePlaces == c.places)
  }

  @Test func `a lone file goes to libcurl by its name, several as one text`() throws {
    let folder = try TemporaryDirectory()
    let first = try folder.write("certs/a.pem", "A")
    try folder.write("elsewhere/b.pem", "B")
    try folder.symbolicLink("certs/b.pem", to: "../elsewhere/b.pem")
    try folder.write("certs/below/c.pem", "C")
    let lone = try TrustedCertificates([folder.path.appending("elsewhere")])
    #expect(lone == .file(folder.path.appending("elsewhere/b.pem")))
    #expect(try TrustedCertificates([first, "/nowhere"]) == .file(first))
    #expect(
      try TrustedCertificates([folder.path.appending("certs")]) == .text(Array("A\nB".utf8)))
    #expect(try TrustedCertificates(["/nowhere"]) == .file("/nowhere"))
    #expect(try TrustedCertificates([]) == .system)
  }

  @Test(
    arguments: [
      ("build", [:], "caisson/\(programVersion)"),
      ("build", ["UPSTREAM_CLIENT_TYPE": "ci"], "caisson/\(programVersion)"),
      ("executor --no-push", ["UPSTREAM_CLIENT_TYPE": "ci"], "caisson/\(programVersion),ci"),
    ] as [(String, [String: String], String)])
  func `registries are told who asks`(
    line: String, variables: [String: String], expected: String
  ) throws {
    #expect(try access(variables, line).clientOptions().http.userAgent == expected)
  }

  @Test func `a client type that would break the header is refused`() {
    let broken = complaint(
      "executor --no-push", machine(with: ["UPSTREAM_CLIENT_TYPE": "a\r\nb: c"]))
    #expect(broken?.contains("$UPSTREAM_CLIENT_TYPE") == true)
  }

  @Test func `a helper that would be needed is named once for each registry`() throws {
    var access = RegistryAccess()
    access.inlineCredentials = Secret(
      #"{"credHelpers": {"a.example": "vault"}, "auths": {"b.example": {"auth": "YTpi"}}}"#)
    let said = Said()
    let registries = try RegistryConnection(access, log: .silent) { said.add($0) }
    for name in ["a.example/x", "a.example/y:1", "b.example/x"] {
      registries.warnOfHelper(for: try #require(ImageReference(name)))
    }
    #expect(said.messages.count == 1)
    #expect(said.messages.first?.contains("docker-credential-vault") == true)
  }
}

private final class Said: Sendable {
  private let list = Mutex<[String]>([])

  var messages: [String] { list.withLock { $0 } }

  func add(_ diagnostic: Diagnostic) { list.withLock { $0.append(diagnostic.message) } }
}
