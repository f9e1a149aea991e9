// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BuildPlanning

@Suite struct RemoteSourceTests {
  struct Address: Sendable, CustomTestStringConvertible {
    var text: String
    var remote: String
    var reference: String?
    var subdirectory = ""
    var checksum: String?
    var keepsGitDirectory = false
    var hasSubmodules = true
    var testDescription: String { text }
  }

  @Test(arguments: [
    Address(text: "https://h/a.git", remote: "https://h/a.git"),
    Address(text: "http://u:p@h:8/a/b.git#v1", remote: "http://u:p@h:8/a/b.git", reference: "v1"),
    Address(
      text: "https://h/a.git#v1:sub/dir", remote: "https://h/a.git", reference: "v1",
      subdirectory: "sub/dir"),
    Address(text: "https://h/a.git#:sub", remote: "https://h/a.git", subdirectory: "sub"),
    Address(text: "git@h:a/b", remote: "git@h:a/b"),
    Address(text: "ssh://git@h/a#main", remote: "ssh://git@h/a", reference: "main"),
    Address(text: "git://h/a", remote: "git://h/a"),
    Address(
      text: "https://h/a.git?branch=x%2Fy&subdir=s&submodules=false", remote: "https://h/a.git",
      reference: "refs/heads/x/y", subdirectory: "s", hasSubmodules: false),
    Address(
      text: "https://h/a.git?tag=v1&checksum=abcdef1&keep-git-dir=true", remote: "https://h/a.git",
      reference: "refs/tags/v1", checksum: "abcdef1", keepsGitDirectory: true),
    Address(
      text: "https://h/a.git?commit=abcdef1#:s", remote: "https://h/a.git", reference: "abcdef1",
      subdirectory: "s"),
  ])
  func `an address of a repository is taken apart`(_ c: Address) throws {
    let found = try #require(try GitRepository(c.text))
    #expect(found.remote == c.remote)
    #expect(found.reference == c.reference)
    #expect(found.subdirectory == c.subdirectory)
    #expect(found.checksum == c.checksum)
    #expect(found.keepsGitDirectory == c.keepsGitDirectory)
    #expect(found.hasSubmodules == c.hasSubmodules)
  }

  @Test(arguments: [
    "https://h/a", "https://h/a.git/b", "https://h/?x=a.git", "http://h/a.tar.gz", "a.git",
    "./git@h",
    "ftp://h/a.git", "",
  ])
  func `other addresses are no repositories`(text: String) throws {
    #expect(try GitRepository(text) == nil)
  }

  @Test(arguments: [
    ("https://h/a.git?x=1", GitRepository.Fault.unknownQuery("x")),
    ("https://h/a.git?ref=a&branch=b", .conflictingQuery("branch")),
    ("https://h/a.git?ref=a#b", .conflictingQuery("ref")),
    ("https://h/a.git#--upload-pack=x", .badReference("--upload-pack=x")),
    ("https://h/a.git#a..b", .badReference("a..b")),
    ("https://h/a.git#a b", .badReference("a b")),
    ("https://h/a.git?ref=", .badReference("")),
    ("https://h/a.git#:../x", .leavesRepository("../x")),
  ])
  func `a hostile address is refused`(text: String, fault: GitRepository.Fault) {
    #expect(throws: fault) { try GitRepository(text) }
  }

  @Test(arguments: [
    ("https://u:p@h/x@y", "https://h/x@y"), ("https://h/x", "https://h/x"),
    ("http://p@h?q=a@b", "http://h?q=a@b"), ("ssh://git@h/x", "ssh://git@h/x"), ("a@b", "a@b"),
    ("ssh://git:p@h/x", "ssh://git@h/x"), ("http://u:p@q@h/x", "http://h/x"),
    ("ssh://:p@h", "ssh://@h"),
  ])
  func `credentials are not shown`(text: String, shown: String) {
    #expect(withoutCredentials(text) == shown)
  }
}
