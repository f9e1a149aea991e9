// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Testing

@Suite struct PathPatternTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var pattern: String
    var path: String
    var matches: Bool
    /// Through a parent, where the path itself does not match.
    var below: Bool

    init(_ pattern: String, _ path: String, _ matches: Bool, below: Bool? = nil) {
      self.pattern = pattern
      self.path = path
      self.matches = matches
      self.below = below ?? matches
    }

    var testDescription: String { "\(pattern) on \(path)" }
  }

  @Test(arguments: [
    Case("**", "file", true), Case("**", "dir/file", true), Case("**/", "dir/file", true),
    Case("**/**", "dir/file", true), Case("dir/**", "dir/file", true),
    Case("dir/**", "dir/a/file", true), Case("**/dir", "dir", true),
    Case("**/dir", "dir/file", false, below: true), Case("**/dir2/*", "dir/dir2/file", true),
    Case("**/dir2/**", "dir/dir2/dir3/file", true), Case("**file", "dir/dir/file", true),
    Case("**/file*txt", "dir/dir/file.txt", true), Case("**/**/*.txt", "file.txt", true),
    Case("**/**/*.txt2", "dir/dir/file.txt", false), Case("a**/*.txt", "a/dir/dir/file.txt", true),
    Case("a**/*.txt", "a/file.txt", true), Case("a/*.txt", "a/dir/file.txt", false),
    Case("a/*.txt**", "a/file.txt", true), Case("a[b-d]e", "ae", false),
    Case("a[b-d]e", "ace", true), Case("a[b-d]e", "aae", false), Case("a[^b-d]e", "aze", true),
    Case(".*", ".foo", true), Case(".*", "foo", false), Case("abc.def", "abcZdef", false),
    Case("abc?def", "abcZdef", true), Case("abc?def", "abcdef", false),
    Case("**/foo/bar", "dir/dir2/foo/bar", true), Case("abc/**", "abc", false),
    Case("abc/**", "abc/def/ghi", true), Case("**/.foo", "bar.foo", false),
    Case("a(b)c/def", "a(b)c/def", true), Case("a.|)$(}+{bc", "a.|)$(}+{bc", true),
    Case("dist/*.whl", "dist/p-2.4+g08-none.whl", true), Case(#"a\\"#, #"a\"#, true),
    Case(#"a\*b"#, "a*b", true), Case(#"a\*b"#, "ab", false),
  ])
  func `a moby pattern matches as documented`(_ c: Case) throws {
    let pattern = try PathPattern(c.pattern)
    #expect(pattern.matches(PathBytes(c.path)) == c.matches)
    #expect(pattern.matchesPathOrParent(PathBytes(c.path)) == c.below)
  }

  @Test(arguments: [
    Case("*", "abc", true), Case("*c", "abc", true), Case("a*", "a", true),
    Case("a*", "ab/c", false, below: true), Case("a*/b", "abc/b", true),
    Case("a*/b", "a/c/b", false), Case("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
    Case("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false), Case("a*b?c*x", "abxbbxdbxebxczzx", true),
    Case("a*b?c*x", "abxbbxdbxebxczzy", false), Case("ab[^e-g]", "abc", true),
    Case("a?b", "a☺b", true), Case("a[^a]b", "a☺b", true), Case("a???b", "a☺b", false),
    Case("[a-ζ]*", "α", true), Case("*[a-ζ]", "A", false), Case("a?b", "a/b", false),
    Case("a*b", "a/b", false), Case("a[^x]b", "a/b", false), Case(#"[\]a]"#, "]", true),
    Case(#"[\-]"#, "-", true), Case(#"[x\-]"#, "z", false), Case(#"[\-x]"#, "-", true),
    Case("*x", "xxx", true), Case("", "", true), Case("", "a", false, below: false),
    Case("**a**/b", "a/c/ab", true), Case("**a**/b", "acab", false), Case("*.log", "x.log", true),
    Case("./a//b/", "a/b", true),
    Case("/a/../b", "b", true), Case("../b", "b", false),
  ])
  func `a pattern matches as Go's path.Match does`(_ c: Case) throws {
    let pattern = try PathPattern(c.pattern)
    #expect(pattern.matches(PathBytes(c.path)) == c.matches)
    if !c.pattern.isEmpty {
      #expect(pattern.matchesPathOrParent(PathBytes(c.path)) == c.below)
    }
  }

  @Test(arguments: [
    "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "[\\", "[^]",
  ])
  func `a malformed pattern is refused`(_ text: String) {
    #expect(throws: PathPatternError.self) { try PathPattern(text) }
  }

  @Test func `a pattern over 4096 bytes is refused`() throws {
    _ = try PathPattern(String(repeating: "a", count: 4096))
    let error = #expect(throws: PathPatternError.self) {
      try PathPattern(String(repeating: "a", count: 4097))
    }
    #expect(error?.reason == .tooLong(limitInBytes: 4096))
  }

  @Test func `bytes that are not UTF-8 match as single characters`() throws {
    let path = PathBytes([0x61, 0xFF, 0x62] as [UInt8])
    #expect(try PathPattern("a?b").matches(path))
    #expect(try PathPattern(path).literal == path)
    #expect(try PathPattern(PathBytes(path.bytes + Array("*".utf8))).matches(path))
  }

  @Test(arguments: [
    ("a/b/c", "a/b/c", "a/b/c"), ("a/b*/c", nil, "a"), ("a/b/*", nil, "a/b"), ("*", nil, ""),
    (#"a\*/b"#, "a*/b", "a*/b"), (#"a\*/b?"#, nil, "a*"),
  ])
  func `the part without wildcards is known`(text: String, literal: String?, prefix: String) throws
  {
    let pattern = try PathPattern(text)
    #expect(pattern.literal == literal.map { PathBytes($0) })
    #expect(pattern.isLiteral == (literal != nil))
    #expect(pattern.literalPrefix == PathBytes(prefix))
  }

  @Test(arguments: [
    ("a/b/c", "a", true), ("a/b/c", "a/b", true), ("a/b/c", "a/b/c", false), ("a/b", "x", false),
    ("**/keep", "any/depth", true), ("a/*/c", "a/x", true), ("a/*/c", "b", false),
    ("a/*", "a/x", false), ("*.txt", "dir", false), ("ab", "a", false),
  ])
  func `what may match below a directory is known`(text: String, directory: String, may: Bool)
    throws
  {
    #expect(try PathPattern(text).canMatch(below: PathBytes(directory)) == may)
  }

  @Test func `many stars take no more than linear steps`() throws {
    let pattern = try PathPattern(String(repeating: "*a", count: 500) + "b")
    #expect(!pattern.matches(PathBytes(String(repeating: "a", count: 4000))))
    let deep = try PathPattern(String(repeating: "**/a*/", count: 100) + "b")
    #expect(!deep.matches(PathBytes(String(repeating: "a/", count: 1000) + "c")))
    #expect(deep.matches(PathBytes(String(repeating: "a/", count: 1000) + "b")))
  }
}
