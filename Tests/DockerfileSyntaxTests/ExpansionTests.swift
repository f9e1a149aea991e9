// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import Testing

@Suite struct ExpansionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var word: String
    var expected: String
    init(_ word: String, _ expected: String) {
      self.word = word
      self.expected = expected
    }
    var testDescription: String { word }
  }

  static let variables = [
    "v": "value", "empty": "", "path": "a/b/c.tar.gz", "dots": "x.y.z", "star": "a*b", "n": "1",
    "long_NAME_2": "long",
  ]

  private func expand(_ word: String) throws(ExpansionError) -> String {
    try Expansion(variables: Self.variables).expand(word)
  }

  @Test(arguments: [
    Case("$v", "value"), Case("${v}", "value"), Case("a${v}b", "avalueb"),
    Case("$v$v", "valuevalue"),
    Case("$unset", ""), Case("$", "$"), Case("a$", "a$"), Case("$ v", "$ v"), Case("$%", "$%"),
    Case("$1v", "v"), Case("$$v", "v"), Case("$long_NAME_2.x", "long.x"),
    Case("${v:-w}", "value"), Case("${unset:-w}", "w"), Case("${empty:-w}", "w"),
    Case("${empty-w}", ""), Case("${unset-w}", "w"), Case("${v:+w}", "w"), Case("${empty:+w}", ""),
    Case("${empty+w}", "w"), Case("${unset+w}", ""), Case("${v:?m}", "value"),
    Case("${empty?m}", ""), Case("${unset:-${v}}", "value"), Case("${unset:-${u2:-$n}}", "1"),
    Case("${unset:-a b}", "a b"), Case("${unset:-}", ""), Case("${unset:-\"}\"}", "}"),
    Case(#"${unset:-\}}"#, "}"), Case("${unset:-'$v'}", "$v"),
  ])
  func `a variable is replaced`(_ c: Case) throws { #expect(try expand(c.word) == c.expected) }

  @Test(arguments: [
    Case("${path#a/}", "b/c.tar.gz"), Case("${path#*/}", "b/c.tar.gz"),
    Case("${path##*/}", "c.tar.gz"), Case("${path%.*}", "a/b/c.tar"), Case("${path%%.*}", "a/b/c"),
    Case("${path%/*}", "a/b"), Case("${path#x}", "a/b/c.tar.gz"), Case("${path%x}", "a/b/c.tar.gz"),
    Case("${path##a*b}", "/c.tar.gz"), Case("${dots/./-}", "x-y.z"), Case("${dots//./-}", "x-y-z"),
    Case("${dots/#x/-}", "-.y.z"), Case("${dots/#y/-}", "x.y.z"), Case("${dots/#*./-}", "-z"),
    Case("${dots/%z/-}", "x.y.-"), Case("${dots/%y/-}", "x.y.z"), Case("${dots/%.*/}", "x"),
    Case("${dots//?/-}", "-----"), Case("${dots/*/-}", "-"), Case("${dots/y/}", "x..z"),
    Case(#"${star/\*/-}"#, "a-b"), Case(#"${path//\//_}"#, "a_b_c.tar.gz"),
    Case("${path/b$unset/$v}", "a/value/c.tar.gz"), Case("${dots//x*y/-}", "-.z"),
    Case("${unset#a}", ""), Case("${v%%*}", ""), Case("${v#}", "value"), Case("${v##**e}", ""),
  ])
  func `a pattern takes away or replaces`(_ c: Case) throws {
    #expect(try expand(c.word) == c.expected)
  }

  @Test(arguments: [
    Case("'$v'", "$v"), Case("\"$v\"", "value"), Case("\"a b\"", "a b"), Case("a'b'\"c\"", "abc"),
    Case(#"\$v"#, "$v"), Case(#"\${v}"#, "${v}"), Case(#"\\"#, #"\"#), Case(#"a\b"#, "ab"),
    Case(#""a\b""#, #"a\b"#), Case(#""\"""#, "\""), Case(#""\$v""#, "$v"), Case(#"'a\b'"#, #"a\b"#),
    Case(#"a\"#, "a"), Case("\"'\"", "'"), Case("'\"'", "\""), Case(#"a\ b"#, "a b"),
    Case("''", ""),
  ])
  func `quotes and escapes are taken away`(_ c: Case) throws {
    #expect(try expand(c.word) == c.expected)
  }

  struct Failure: Sendable, CustomTestStringConvertible {
    var word: String
    var reason: ExpansionError.Reason
    var offset: Int
    init(_ word: String, _ reason: ExpansionError.Reason, at offset: Int) {
      self.word = word
      self.reason = reason
      self.offset = offset
    }
    var testDescription: String { word }
  }

  @Test(arguments: [
    Failure("a${v", .unterminatedSubstitution, at: 1),
    Failure("${", .unterminatedSubstitution, at: 0),
    Failure("${}", .badSubstitution, at: 0), Failure("${:-x}", .badSubstitution, at: 0),
    Failure("${{v}}", .badSubstitution, at: 0),
    Failure("${v:x}", .unsupportedModifier(":x"), at: 3),
    Failure("${v^}", .unsupportedModifier("^"), at: 3),
    Failure("ab'c", .unterminatedQuote("'"), at: 2),
    Failure("ab\"c", .unterminatedQuote("\""), at: 2),
    Failure("x${unset:?tell}", .required(name: "unset", message: "tell"), at: 1),
    Failure(
      "${unset?}", .required(name: "unset", message: "is not allowed to be unset"), at: 0),
    Failure(
      "${empty:?}", .required(name: "empty", message: "is not allowed to be empty"), at: 0),
    Failure(#"${v#\a}"#, .invalidPattern(#"\a"#), at: 0),
    Failure("${v:-x", .unterminatedSubstitution, at: 0),
    Failure("${v/a}", .unterminatedSubstitution, at: 0),
  ])
  func `a faulty word is refused where the fault is`(_ c: Failure) {
    #expect(throws: ExpansionError(reason: c.reason, offset: c.offset)) { try expand(c.word) }
  }

  @Test func `the escape directive's character protects in words`() throws {
    let expansion = Expansion(variables: Self.variables, escape: UInt8(ascii: "`"))
    #expect(try expansion.expand(#"c:\$v`$v"#) == #"c:\value$v"#)
  }

  @Test func `quotes are ordinary in here-documents`() throws {
    let expansion = Expansion(variables: Self.variables, quotes: .ordinary)
    #expect(try expansion.expand("it's \"$v\" \\$v\n") == "it's \"value\" $v\n")
  }

  @Test func `nesting, growth and work have limits`() {
    let deep = String(repeating: "${u:-", count: 5000)
    #expect(throws: ExpansionError(reason: .nestedTooDeeply, offset: 64 * 5)) { try expand(deep) }
    let big = ["b": String(repeating: "x", count: 600_000)]
    #expect(throws: ExpansionError(reason: .tooLong(limitInBytes: 1 << 20), offset: 0)) {
      try Expansion(variables: big).expand("$b$b")
    }
    let slow = ["b": String(repeating: "a", count: 100_000)]
    #expect(throws: ExpansionError.self) {
      try Expansion(variables: slow).expand("${b//*a*a*b/x}")
    }
  }
}
