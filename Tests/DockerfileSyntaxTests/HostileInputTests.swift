// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import Testing

@Suite struct HostileInputTests {
  @Test func `a line of a megabyte is read`() throws {
    let words = String(repeating: String(repeating: "a", count: 19) + " ", count: 50_000)
    let file = try Dockerfile(parsing: "FROM a\nRUN \(words)\nVOLUME \(words)")
    guard case .volume(let paths) = file.instructions[2].body else { return #expect(Bool(false)) }
    #expect(paths.count == 50_000)
  }

  @Test func `ten thousand continuation lines are read`() throws {
    let file = try Dockerfile(
      parsing: "FROM a\nENV a=1" + String(repeating: " \\\n b=2", count: 10_000))
    guard case .env(let list) = file.instructions[1].body else { return #expect(Bool(false)) }
    #expect(list.count == 10_001)
    #expect(list.last?.key.range.start == SourcePosition(line: 10_002, column: 2))
  }

  @Test(arguments: [
    ("FROM a\n", "ENV a=b\n", 5_000, "there are more than 5000 instructions"),
    ("FROM a\n", "#\n", 1_000_000, "there are more than 1000000 lines"),
    ("FROM a\nENV", " a=b", 200_001, "there are more than 200000 words in one instruction"),
    (
      "FROM a\nRUN [\"a\"", ",\"a\"", 200_000, "there are more than 200000 words in one instruction"
    ),
  ])
  func `more than any Dockerfile has is refused`(
    begin: String, piece: String, times: Int, message: String
  ) throws {
    let text = begin + String(repeating: piece, count: times)
    let error = #expect(throws: DockerfileError.self) { try Dockerfile(parsing: text) }
    #expect(try #require(error).diagnostic.message == message)
  }

  @Test func `a command of ten megabytes and a hundred thousand lines of a document are read`()
    throws
  {
    let words = String(repeating: "word ", count: 2_000_000)
    _ = try Dockerfile(parsing: "FROM a\nRUN \(words)")
    let lines = String(repeating: "a line of text\n", count: 100_000)
    _ = try Dockerfile(parsing: "FROM a\nCOPY <<E /x\n\(lines)E\n")
  }

  struct Nonsense: Sendable, CustomTestStringConvertible {
    var line: String
    init(_ begin: String, _ piece: String, times: Int, _ end: String = "") {
      line = begin + String(repeating: piece, count: times) + end
    }
    var testDescription: String { String(line.prefix(20)) }
  }

  @Test(arguments: [
    Nonsense("", "ONBUILD ", times: 20_000),
    Nonsense("ENV a=\"", "\\\"", times: 9),
    Nonsense("RUN --", "=", times: 9),
    Nonsense("HEALTHCHECK --interval=", "9", times: 400, "h CMD x"),
    Nonsense("HEALTHCHECK --retries=", "9", times: 30, " CMD x"),
    Nonsense("COPY --chown", "=", times: 100_000), Nonsense("FROM ", "a ", times: 100_000),
  ])
  func `nonsense is refused`(_ nonsense: Nonsense) {
    #expect(throws: DockerfileError.self) {
      let file = try Dockerfile(parsing: "FROM a\n" + nonsense.line)
      // What can be read is refused when it is expanded.
      for case .env(let list) in file.instructions.map(\.body) {
        for assignment in list { _ = try Expansion(variables: [:]).expand(assignment.value) }
      }
    }
  }

  @Test(arguments: [
    Nonsense("RUN [\"", "\\", times: 9999), Nonsense("CMD ", "[", times: 100_000),
    Nonsense("COPY ", "<", times: 100_000, " x"), Nonsense("USER ", "${", times: 100_000),
  ])
  func `nonsense that a shell or an expansion must judge is kept`(_ nonsense: Nonsense) throws {
    #expect(try Dockerfile(parsing: "FROM a\n" + nonsense.line).instructions.count == 2)
  }

  /// Random text from the language's own pieces reaches further than random bytes.
  @Test func `random text never traps`() {
    let pieces = [
      "FROM ", "RUN ", "COPY ", "ENV ", "ONBUILD ", "HEALTHCHECK ", "ARG ", "CMD ", "--", "from=",
      "interval=", "a", "=", "\"", "'", "\\", "`", "\n", "\r\n", " ", "\t", "$", "${", "}", ":-",
      "<<", "EOF", "-", "[", "]", ",", "#", "escape=`", "\u{FEFF}", "é", "/", "*", "\u{0}", "\\u12",
    ]
    var generator = SplitMix(state: 42)
    for _ in 0..<800 {
      let count = Int.random(in: 0..<40, using: &generator)
      var text = Bool.random(using: &generator) ? "FROM a\n" : ""
      for _ in 0..<count { text += pieces.randomElement(using: &generator) ?? "" }
      if let file = try? Dockerfile(parsing: text) {
        for instruction in file.instructions {
          _ = file.located(Diagnostic("", at: instruction.range))
        }
      }
      _ = try? Expansion(variables: ["a": "x/y"]).expand(text)
      _ = try? IgnoreFile(parsing: Array(text.utf8), name: "x").pattern(excluding: "a/b")
      _ = try? Instruction(trigger: text, at: SourceRange(line: 1, columns: 1..<2))
    }
  }

  @Test func `random bytes never trap`() {
    var generator = SplitMix(state: 7)
    for _ in 0..<1000 {
      let bytes = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? Dockerfile(parsing: bytes, name: "x")
      _ = try? Dockerfile(parsing: Array("FROM a\nRUN ".utf8) + bytes, name: "x")
      if let pattern = try? PathPattern(PathBytes(bytes)) {
        _ = pattern.matches(PathBytes(bytes))
        _ = pattern.canMatch(below: PathBytes(Array(bytes.reversed())))
      }
      _ = try? IgnoreFile(parsing: bytes, name: "x").pattern(excluding: PathBytes(bytes))
    }
  }
}

/// The same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
