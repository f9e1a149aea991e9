// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

@Suite struct HTTPURLTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var base = "https://registry.example/v2/a/blobs/uploads/1?old=1"
    var location: String
    var expected: String?
    var testDescription: String { location }
  }

  @Test(arguments: [
    Case(location: "/v2/b?x=1", expected: "https://registry.example/v2/b?x=1"),
    Case(
      location: "2?_state=a%2Fb",
      expected: "https://registry.example/v2/a/blobs/uploads/2?_state=a%2Fb"),
    Case(location: "?y=2", expected: "https://registry.example/v2/a/blobs/uploads/1?y=2"),
    Case(location: "http://other.example:81/up", expected: "http://other.example:81/up"),
    Case(location: "//cdn.example/x", expected: "https://cdn.example/x"),
    Case(location: "https://user:password@other.example/x", expected: "https://other.example/x"),
    Case(location: "https://other.example/x#part", expected: "https://other.example/x"),
    Case(location: "file:///etc/passwd", expected: nil),
    Case(location: "ftp://other.example/x", expected: nil),
    Case(location: "https://", expected: nil),
    Case(location: "https://other.example:99999/", expected: nil),
    Case(location: "/a\u{0}b", expected: nil),
    Case(location: "/a\r\nx: y", expected: nil),
  ])
  func `a location resolves to a web address, or is refused`(_ c: Case) throws {
    let base = try #require(HTTPURL(c.base))
    #expect(base.resolving(c.location)?.text == c.expected)
  }

  @Test func `a URL prints without its query and its user`() throws {
    let url = try #require(HTTPURL("https://me:secret@cdn.example/blob?signature=secret"))
    #expect("\(url)" == "https://cdn.example/blob")
    #expect(!url.text.contains("me:"))
  }

  @Test func `query items are percent-encoded and added to what is there`() throws {
    let url = try #require(HTTPURL("http://r.example/u?_state=x"))
    #expect(
      url.adding([("digest", "sha256:ab"), ("from", "a/b c")])?.text
        == "http://r.example/u?_state=x&digest=sha256%3Aab&from=a%2Fb%20c")
  }

  @Test(arguments: [
    ("http://H.example/", "h.example"), ("https://h.example:443/", "h.example"),
    ("https://h.example:5000/", "h.example:5000"), ("http://[::1]:80/", "[::1]"),
  ])
  func `the authority leaves out a default port`(_ text: String, _ authority: String) {
    #expect(HTTPURL(text)?.origin.authority == authority)
  }

  @Test(arguments: [
    ("localhost", true), ("127.0.0.1", true), ("127.9.8.7", true), ("[::1]", true),
    ("127.0.0.1.example.com", false), ("127.example", false), ("128.0.0.1", false),
    ("localhost.example", false),
  ])
  func `only loopback hosts are loopback`(_ host: String, _ expected: Bool) {
    #expect(isLoopback(host: host) == expected)
  }
}
