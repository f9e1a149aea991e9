// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import OCI
import Testing

@Suite struct ImageLocationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    /// Nil: refused.
    var expected: ImageLocation?
    var testDescription: String { text }
  }

  private static func reference(_ text: String) -> ImageReference {
    ImageReference(text) ?? ImageReference(registry: "", repository: "")
  }

  static let cases: [Case] = [
    Case(text: "debian:12", expected: .registry(reference("docker.io/library/debian:12"))),
    Case(text: "docker://debian", expected: .registry(reference("debian"))),
    Case(text: "localhost:5000/a/b:1", expected: .registry(reference("localhost:5000/a/b:1"))),
    Case(text: "oci:out", expected: .layout(directory: "out", name: nil)),
    Case(text: "oci:/a/b:1.0", expected: .layout(directory: "/a/b", name: "1.0")),
    Case(
      text: "oci:x:docker.io/library/app:1",
      expected: .layout(directory: "x", name: "docker.io/library/app:1")),
    Case(text: "oci-archive:a.tar:v", expected: .layoutArchive(file: "a.tar", name: "v")),
    Case(text: "docker-archive:a.tar", expected: .dockerArchive(file: "a.tar", name: nil)),
    Case(
      text: "docker-archive:/a.tar:app:2",
      expected: .dockerArchive(file: "/a.tar", name: reference("app:2"))),
    Case(text: "store:app", expected: .store(reference("app"))),
    Case(text: "oci:", expected: nil),
    Case(text: "oci:dir:", expected: nil),
    Case(text: "oci::tag", expected: nil),
    Case(text: "oci-archive:", expected: nil),
    Case(text: "docker-archive:a.tar:UPPER", expected: nil),
    Case(text: "store:", expected: nil),
    Case(text: "docker://", expected: nil),
    Case(text: "docker://a b", expected: nil),
    Case(text: "", expected: nil),
    Case(text: "dir:/tmp/x", expected: nil),
    Case(text: "docker-daemon:app:1", expected: nil),
  ]

  @Test(arguments: cases)
  func `a location is understood, or refused`(_ c: Case) {
    #expect((try? ImageLocation(parsing: c.text)) == c.expected)
  }

  @Test func `a refusal is a matter of usage and names the text`() {
    #expect {
      _ = try ImageLocation(parsing: "store:A B")
    } throws: { error in
      guard let diagnostic = (error as? ImageError)?.diagnostic else { return false }
      return diagnostic.exit == .usage && diagnostic.message.contains("store:A B")
    }
  }
}
