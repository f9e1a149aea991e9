// SPDX-License-Identifier: Apache-2.0

import OCI
import Testing

@Suite struct ImageReferenceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    /// Spelt out.
    var expected: String
    var testDescription: String { text }
  }

  private static let digest = "sha256:" + String(repeating: "0", count: 64)

  @Test(arguments: [
    Case(text: "debian", expected: "docker.io/library/debian:latest"),
    Case(text: "debian:12", expected: "docker.io/library/debian:12"),
    Case(text: "docker.io/debian", expected: "docker.io/debian:latest"),
    Case(text: "docker.io/library/debian", expected: "docker.io/library/debian:latest"),
    Case(text: "index.docker.io/debian", expected: "docker.io/library/debian:latest"),
    Case(text: "team/app", expected: "docker.io/team/app:latest"),
    Case(text: "ghcr.io/a/b/c:v1.2_3-x", expected: "ghcr.io/a/b/c:v1.2_3-x"),
    Case(text: "localhost/app", expected: "localhost/app:latest"),
    Case(text: "localhost:5000/app", expected: "localhost:5000/app:latest"),
    Case(text: "host:5000/app:1", expected: "host:5000/app:1"),
    Case(text: "Host/app", expected: "Host/app:latest"),
    Case(text: "[::1]:5000/app", expected: "[::1]:5000/app:latest"),
    Case(text: "127.0.0.1:80/a", expected: "127.0.0.1:80/a:latest"),
    Case(text: "a__b/c--d.e_f", expected: "docker.io/a__b/c--d.e_f:latest"),
    Case(text: "app@\(digest)", expected: "docker.io/library/app@\(digest)"),
    Case(text: "app:1@\(digest)", expected: "docker.io/library/app:1@\(digest)"),
  ])
  func `a reference is spelt out`(_ c: Case) {
    #expect(ImageReference(c.text)?.description == c.expected)
  }

  @Test(arguments: [
    "", ":", "/", "@", "app:", "app@", "App", "a//b", "/app", "app/", "app:tag:tag", "app: 1",
    "app:.x", "app:-x", "a..b", "a___b", "a._b", "-a", "a-", "a b", "app:1@sha256:0", "é",
    "app@\(digest)@\(digest)", "host:99999/app", "host:/app", "host:x/app", "-host.io/app",
    "host..io/app", "[::1/app", "[]:5000/app", "[x]/app.d", "app:\u{0}", "../app", "a/../b",
    "app:" + String(repeating: "x", count: 129), String(repeating: "x", count: 256),
  ])
  func `no reference is made of`(_ text: String) {
    #expect(ImageReference(text) == nil)
  }

  @Test func `a spelt-out reference is read back the same`() throws {
    for text in ["debian", "ghcr.io/a/b:c", "localhost:1/x", "team/app:1@\(Self.digest)"] {
      let reference = try #require(ImageReference(text))
      #expect(ImageReference(reference.description)?.description == reference.description)
    }
  }

  @Test func `a manifest is asked for by digest, tag or latest`() throws {
    #expect(ImageReference("a:1@\(Self.digest)")?.manifestSelector == Self.digest)
    #expect(ImageReference("a:1")?.manifestSelector == "1")
    #expect(ImageReference("a")?.manifestSelector == "latest")
  }
}
