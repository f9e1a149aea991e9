// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@testable import Registry

@Suite struct RegistryOptionsTests {
  @Test(arguments: [
    ("mirror.example", "mirror.example", ""), ("mirror.example:5000/", "mirror.example:5000", ""),
    ("mirror/hub/x", "mirror", "hub/x"), ("localhost:5000/hub", "localhost:5000", "hub"),
  ])
  func `a mirror is a host and a prefix`(_ text: String, _ host: String, _ prefix: String) {
    let mirror = RegistryMirror(text)
    #expect(mirror?.host == host)
    #expect(mirror?.prefix == prefix)
  }

  @Test(arguments: [
    "", "/x", "https://mirror.example", "a b", "mirror.example/x:tag", "m.example/UP",
  ])
  func `what is no host and path is no mirror`(_ text: String) {
    #expect(RegistryMirror(text) == nil)
  }

  @Test func `mirrors stand before Docker Hub and nothing else`() throws {
    var options = RegistryOptions()
    options.mirrors = ["m.example", "n.example/hub"].compactMap { RegistryMirror($0) }
    let debian = try #require(ImageReference("debian"))
    #expect(
      RepositoryEndpoint.candidates(for: debian, options: options).map(\.description) == [
        "m.example/library/debian", "n.example/hub/library/debian", "docker.io/library/debian",
      ])
    options.fallsBackToOriginal = false
    #expect(RepositoryEndpoint.candidates(for: debian, options: options).count == 2)
    let other = try #require(ImageReference("quay.io/a/b"))
    #expect(
      RepositoryEndpoint.candidates(for: other, options: options).map(\.description) == [
        "quay.io/a/b"
      ])
    #expect(RepositoryEndpoint(debian).authority == "registry-1.docker.io")
  }

  @Test(arguments: [
    ("localhost:5000", true, true), ("127.0.0.1", true, true), ("r.example", false, false),
    ("bad.example:5000", true, true), ("bad.example", false, false), ("any.example:1", true, true),
  ])
  func `plain HTTP is for loopback and for named hosts`(
    _ authority: String, _ pull: Bool, _ push: Bool
  ) {
    var options = RegistryOptions()
    options.insecureHosts = ["bad.example:5000", "any.example"]
    #expect(options.allowsPlainHTTP(authority, access: .pull) == pull)
    #expect(options.allowsPlainHTTP(authority, access: .push) == push)
  }

  @Test func `insecure push and insecure pull do not include each other`() {
    var options = RegistryOptions()
    options.allInsecurePush = true
    #expect(options.allowsPlainHTTP("r.example", access: .push))
    #expect(!options.allowsPlainHTTP("r.example", access: .pull))
    options.skipTLSVerifyPull = true
    #expect(!options.verifiesTLS("r.example", access: .pull))
    #expect(options.verifiesTLS("r.example", access: .push))
    options.skipTLSVerifyHosts = ["r.example:443"]
    #expect(!options.verifiesTLS("r.example:443", access: .push))
    #expect(options.verifiesTLS("other.example", access: .push))
  }
}
