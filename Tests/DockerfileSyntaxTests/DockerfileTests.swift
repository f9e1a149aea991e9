// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import Testing

@Suite struct DockerfileTests {
  /// The bodies behind `FROM a`.
  private func bodies(_ text: String) throws -> [Instruction.Body] {
    try Dockerfile(parsing: "FROM a\n" + text).instructions.dropFirst().map(\.body)
  }

  private func place(_ range: SourceRange) -> String {
    "\(range.start.line):\(range.start.column)-\(range.end.line):\(range.end.column)"
  }

  @Test func `an instruction and its words know their places`() throws {
    let file = try Dockerfile(
      parsing: "# hello\n\n  from --platform=linux/arm64 debian:12 AS Base\n")
    let instruction = try #require(file.instructions.first)
    #expect(place(instruction.range) == "3:3-3:48")
    #expect(place(instruction.keyword.range) == "3:3-3:7")
    guard case .from(let from) = instruction.body else { return #expect(Bool(false)) }
    #expect(from.platform.map { place($0.range) } == "3:19-3:30")
    #expect(from.platform?.text == "linux/arm64")
    #expect(place(from.image.range) == "3:31-3:40")
    #expect(from.name?.text == "Base")
  }

  @Test func `continuation lines are joined and keep their places`() throws {
    let text = "FROM a\nENV one=1 \\\n  # a comment\n\n   two=2 \\  \n\tthree=3\nUSER x"
    let file = try Dockerfile(parsing: text)
    guard case .env(let list) = file.instructions[1].body else { return #expect(Bool(false)) }
    #expect(list.map(\.key.text) == ["one", "two", "three"])
    #expect(list.map { place($0.value.range) } == ["2:9-2:10", "5:8-5:9", "6:8-6:9"])
    #expect(place(file.instructions[1].range) == "2:1-6:9")
    #expect(file.instructions[2].keyword.range.start.line == 7)
    #expect(file.emptyContinuations.map(\.start.line) == [4])
  }

  @Test(arguments: [
    ("RUN a \\\nb", "a b"), ("RUN a \\\r\nb\r\n", "a b"), ("RUN a \\\\\nUSER b", #"a \\"#),
    ("RUN echo a\\\n#c\nb", "echo ab"), ("RUN a \\\n", "a"), ("RUN a \\", "a"),
    ("\u{FEFF}RUN a", "a"), ("RUN a # b", "a # b"), ("RUN [ -f x ] && y", "[ -f x ] && y"),
    ("RUN ['a']", "['a']"), ("RUN [\"a\"] x", "[\"a\"] x"), ("RUN -- --x", "--x"),
    ("RUN --network=default x", "x"),
  ])
  func `a shell command is kept as it is`(text: String, command: String) throws {
    let whole =
      text.hasPrefix("\u{FEFF}") ? "\u{FEFF}FROM a\n" + text.dropFirst() : "FROM a\n" + text
    let file = try Dockerfile(parsing: String(whole))
    guard case .run(let run) = file.instructions[1].body, case .shell(let word) = run.command else {
      return #expect(Bool(false))
    }
    #expect(word.text == command)
  }

  @Test(arguments: [
    (#"["a", "b c"]"#, ["a", "b c"]), (#"[ ]"#, []),
    (#"["A\n\t\"\\\/ é 😀"]"#, ["A\n\t\"\\/ é 😀"]), (#"["a",\#n "b"]"#, ["a", "b"]),
  ])
  func `an exec form is a JSON array`(json: String, words: [String]) throws {
    let text = json.replacing("\n", with: "\\\n")
    guard case .cmd(.exec(let parsed)) = try bodies("CMD " + text)[0] else {
      return #expect(Bool(false))
    }
    #expect(parsed.map(\.text) == words)
  }

  @Test(arguments: [
    ("ENV a=b", ["a": "b"]), ("ENV a b c", ["a": "b c"]),
    ("ENV a=\"b c\" d=e\\ f", ["a": "\"b c\"", "d": "e\\ f"]),
    ("LABEL a.b=c \"d\"=e", ["a.b": "c", "\"d\"": "e"]), ("ENV a=b=c", ["a": "b=c"]),
    ("ENV a=", ["a": ""]), ("ENV a  b  'c  d'", ["a": "b  'c  d'"]), ("ENV a='b c", ["a": "'b c"]),
  ])
  func `assignments are split as written`(text: String, pairs: [String: String]) throws {
    var found: [String: String] = [:]
    switch try bodies(text)[0] {
    case .env(let list), .label(let list):
      for assignment in list { found[assignment.key.text] = assignment.value.text }
    default: #expect(Bool(false))
    }
    #expect(found == pairs)
  }

  @Test func `ARG takes several names`() throws {
    guard case .arg(let list) = try bodies("ARG a b=1 c=\"x y\"")[0] else {
      return #expect(Bool(false))
    }
    #expect(list.map(\.name.text) == ["a", "b", "c"])
    #expect(list.map { $0.value?.text } == [nil, "1", "\"x y\""])
  }

  @Test func `HEALTHCHECK takes all its options`() throws {
    let text = """
      HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0s --start-interval=200ms \
      --retries=4 CMD ["a"]
      """
    guard case .healthcheck(let check) = try bodies(text)[0] else { return #expect(Bool(false)) }
    #expect(check.intervalInNanoseconds == 90_000_000_000)
    #expect(check.timeoutInNanoseconds == 1_500_000_000)
    #expect(check.startPeriodInNanoseconds == nil)
    #expect(check.startIntervalInNanoseconds == 200_000_000)
    #expect(check.retries == 4)
    guard case .healthcheck(let none) = try bodies("HEALTHCHECK none")[0] else {
      return #expect(Bool(false))
    }
    #expect(none.command == nil)
  }

  @Test func `here-documents are read for RUN, COPY and ADD`() throws {
    let text = """
      RUN <<EOF cat <<-'TWO' > x
      one $a
      EOF
      \ttwo
      \tTWO
      COPY <<a.txt <<"b" x /d/
      A
      a.txt
      b
      USER u
      """
    let found = try bodies(text)
    guard case .run(let run) = found[0], case .copy(let copy) = found[1] else {
      return #expect(Bool(false))
    }
    #expect(run.documents.map(\.name) == ["EOF", "TWO"])
    #expect(run.documents.map(\.expands) == [true, false])
    #expect(run.documents.map(\.rawContent) == ["one $a\n", "\ttwo\n"])
    #expect(run.documents[1].content == "two\n")
    guard case .document(let a) = copy.sources[0], case .document(let b) = copy.sources[1],
      case .path(let x) = copy.sources[2]
    else { return #expect(Bool(false)) }
    #expect([a.name, a.content, b.name, b.content, x.text] == ["a.txt", "A\n", "b", "", "x"])
    #expect(copy.destination.text == "/d/")
    #expect(found.count == 3)
  }

  @Test func `a trigger keeps its text and its here-documents`() throws {
    guard case .onBuild(let trigger) = try bodies("ONBUILD run <<E\nx\nE")[0] else {
      return #expect(Bool(false))
    }
    #expect(trigger.text == "run <<E\nx\nE")
    let place = SourceRange(line: 7, columns: 1..<9)
    let unfolded = try Instruction(trigger: trigger.text, at: place)
    guard case .run(let run) = unfolded.body else { return #expect(Bool(false)) }
    #expect(run.documents.map(\.content) == ["x\n"])
    #expect(unfolded.range == place)
  }

  @Test func `directives are read and end with the first other line`() throws {
    let file = try Dockerfile(
      parsing:
        "# syntax = docker/dockerfile:1.7-labs\n#escape=`\n# check=skip=all\nFROM a\nRUN b `\n c\\")
    #expect(file.directives.escape == UInt8(ascii: "`"))
    #expect(file.directives.check?.text == "skip=all")
    #expect(file.instructions[1].text == #"RUN b c\"#)
    let late = try Dockerfile(parsing: "# a comment\n# escape=`\nFROM a\nRUN b \\\n c")
    #expect(late.instructions[1].text == "RUN b c")
  }

  @Test func `a diagnostic gets the file's name and lines`() throws {
    let source = SourceText(name: "Dockerfile.dev", text: "FROM a\nRUN b \\\n  c\n")
    let file = try Dockerfile(parsing: source)
    let located = file.located(Diagnostic("x", at: file.instructions[1].range))
    #expect(located.location?.file == "Dockerfile.dev")
    #expect(located.location?.lines == ["RUN b \\", "  c"])
  }
}
