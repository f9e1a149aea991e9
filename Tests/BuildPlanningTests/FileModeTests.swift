// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BuildPlanning

@Suite struct FileModeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var before: UInt32
    var isDirectory = false
    var after: UInt32
    var testDescription: String { "\(text) of \(String(before, radix: 8))" }
  }

  /// As GNU chmod gives them with a umask of 022.
  @Test(arguments: [
    Case(text: "0755", before: 0o600, after: 0o755), Case(text: "4711", before: 0, after: 0o4711),
    Case(text: "u+x", before: 0o644, after: 0o744), Case(text: "go-r", before: 0o644, after: 0o600),
    Case(text: "a=r", before: 0o777, after: 0o444), Case(text: "+x", before: 0o644, after: 0o755),
    Case(text: "+w", before: 0o444, after: 0o644), Case(text: "=r", before: 0o777, after: 0o444),
    Case(text: "u=rwX,go=rX", before: 0o600, after: 0o644),
    Case(text: "u=rwX,go=rX", before: 0o700, after: 0o755),
    Case(text: "u=rwX,go=rX", before: 0o700, isDirectory: true, after: 0o755),
    Case(text: "a+X", before: 0o600, isDirectory: true, after: 0o711),
    Case(text: "u+s,g+s", before: 0o755, after: 0o6755),
    Case(text: "u-s", before: 0o4755, after: 0o755),
    Case(text: "o+t", before: 0o777, after: 0o1777), Case(text: "+t", before: 0o755, after: 0o1755),
    Case(text: "g=u", before: 0o640, after: 0o660),
    Case(text: "o=g,g=", before: 0o750, after: 0o705),
    Case(text: "u=rw+x-w", before: 0, after: 0o500),
    Case(text: "o=w", before: 0o1644, after: 0o642),
    Case(text: "g=rx", before: 0o2770, isDirectory: true, after: 0o2750),
    Case(text: "g=rx", before: 0o2770, after: 0o750),
  ])
  func `a mode is changed as chmod does`(_ c: Case) throws {
    let mode = try #require(FileMode(c.text))
    #expect(mode.applied(to: c.before, isDirectory: c.isDirectory) == c.after)
  }

  @Test(arguments: [
    "", "8", "0999", "77777", "u", "x", "u+y", "u+x,", ",u+x", "u~x", "+7", "u++ x",
  ])
  func `what is no mode is refused`(text: String) { #expect(FileMode(text) == nil) }

  @Test(arguments: [
    ("4096", 4096 as Int64?), ("64m", 64 << 20), ("1g", 1 << 30), ("512KB", 512 << 10),
    ("1.5GiB", 3 << 29), ("2 k", 2048), ("10b", 10), ("", nil), ("m", nil), ("1x", nil),
    ("-1", nil),
    ("1e3", nil), ("99999999p", nil),
  ])
  func `sizes are read`(text: String, size: Int64?) { #expect(sizeInBytes(text) == size) }
}
