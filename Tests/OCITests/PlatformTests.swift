// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct PlatformTests {
  @Test(arguments: [
    ("linux/amd64", "linux/amd64"), ("arm64", "linux/arm64"), ("linux/arm64/v8", "linux/arm64"),
    ("aarch64", "linux/arm64"), ("x86_64", "linux/amd64"), ("linux/arm/v7", "linux/arm/v7"),
    ("armhf", "linux/arm/v7"), ("armel", "linux/arm/v6"), ("Linux/AMD64", "linux/amd64"),
    ("i386", "linux/386"), ("linux/amd64/v1", "linux/amd64"), ("windows/amd64", "windows/amd64"),
    ("linux", Platform.host.description),
  ])
  func `a platform is normalized`(_ text: String, expected: String) {
    #expect(Platform(text)?.description == expected)
  }

  @Test(arguments: ["", "/", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux/é", "a\0"])
  func `no platform is made of`(_ text: String) {
    #expect(Platform(text) == nil)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var wanted: String
    var offered: String
    var accepted: Bool
    var testDescription: String { "\(wanted) of \(offered)" }
  }

  @Test(arguments: [
    Case(wanted: "linux/arm64", offered: "linux/arm64/v8", accepted: true),
    Case(wanted: "linux/arm64/v8", offered: "linux/arm64", accepted: true),
    Case(wanted: "linux/arm", offered: "linux/arm/v6", accepted: true),
    Case(wanted: "linux/arm/v7", offered: "linux/arm/v6", accepted: false),
    Case(wanted: "linux/amd64", offered: "linux/arm64", accepted: false),
    Case(wanted: "linux/amd64", offered: "windows/amd64", accepted: false),
    Case(wanted: "linux/amd64", offered: "unknown/unknown", accepted: false),
  ])
  func `an offer is accepted, or not`(_ c: Case) throws {
    let wanted = try #require(Platform(c.wanted))
    let parts = c.offered.split(separator: "/").map(String.init)
    let offered = Platform(
      os: parts[0], architecture: parts[1], variant: parts.count > 2 ? parts[2] : nil)
    #expect(wanted.accepts(offered) == c.accepted)
  }

  @Test func `of several variants the one spelt the same is taken`() throws {
    let index = ImageIndex(
      manifests: ["v6", "v7", nil].map {
        Descriptor(
          mediaType: .ociManifest, digest: .of(Array(($0 ?? "").utf8)), size: 1,
          platform: Platform(os: "linux", architecture: "arm", variant: $0))
      })
    for text in ["linux/arm/v6", "linux/arm/v7", "linux/arm"] {
      let platform = try #require(Platform(text))
      #expect(index.manifest(for: platform)?.platform == platform)
    }
    #expect(index.manifest(for: Platform(os: "linux", architecture: "s390x")) == nil)
  }
}
