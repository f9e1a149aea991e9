// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import caisson

@Suite struct ParsedArgumentsTests {
  private static let name = Option.value("name", short: "n", "NAME", .build, "")
  private static let list = Option.value("list", short: "l", "X", isRepeatable: true, .build, "")
  private static let flag = Option.flag("flag", short: "x", otherNames: ["oldFlag"], .build, "")
  private static let quiet = Option.flag("quiet", short: "q", .build, "")
  private static let color = Option.choice("color", ["red", "blue"], standard: "red", .build, "")
  private static let command = Command(
    path: ["try"], summary: "", synopsis: "[A] [B]", positionalCount: 0...2,
    options: [name, list, flag, quiet, color] + Option.notYet("later s|soon?"))

  struct Case: Sendable, CustomTestStringConvertible {
    var line: String
    var name: String?
    var list: [String] = []
    var flag = false
    var quiet = false
    var color: String?
    var positionals: [String] = []
    var testDescription: String { line }
  }

  @Test(arguments: [
    Case(line: "--name v", name: "v"),
    Case(line: "--name=v=w", name: "v=w"),
    Case(line: "--name=", name: ""),
    Case(line: "--name --flag", name: "--flag"),
    Case(line: "-n v", name: "v"),
    Case(line: "-nv", name: "v"),
    Case(line: "-n=v", name: "v"),
    Case(line: "--name a --name b", name: "b"),
    Case(line: "-l a --list b,c -l=d", list: ["a", "b,c", "d"]),
    Case(line: "--flag", flag: true),
    Case(line: "--oldFlag", flag: true),
    Case(line: "--flag=false", flag: false),
    Case(line: "--flag --flag=0", flag: false),
    Case(line: "--flag=T", flag: true),
    Case(line: "-xq", flag: true, quiet: true),
    Case(line: "-xqn v", name: "v", flag: true, quiet: true),
    Case(line: "-x=false", flag: false),
    Case(line: "--color BLUE", color: "blue"),
    Case(line: "a --flag b", flag: true, positionals: ["a", "b"]),
    Case(line: "- --", positionals: ["-"]),
    Case(line: "--flag -- --name -n", flag: true, positionals: ["--name", "-n"]),
    Case(line: "--soon=false"),
  ])
  func `words become values`(_ c: Case) throws {
    let arguments = try ParsedArguments(words(c.line), of: Self.command)
    #expect(arguments.value(of: Self.name) == c.name)
    #expect(arguments.values(of: Self.list) == c.list)
    #expect(arguments.isSet(Self.flag) == c.flag)
    #expect(arguments.isSet(Self.quiet) == c.quiet)
    #expect(arguments.value(of: Self.color) == c.color)
    #expect(arguments.positionals == c.positionals)
  }

  struct BadCase: Sendable, CustomTestStringConvertible {
    var line: String
    var error: CommandLineError
    var testDescription: String { line }
  }

  @Test(arguments: [
    BadCase(
      line: "--nmae v", error: .unknownOption("--nmae", near: "--name", command: "try")),
    BadCase(
      line: "--nothing-like-it",
      error: .unknownOption("--nothing-like-it", near: nil, command: "try")),
    BadCase(line: "-z", error: .unknownOption("-z", near: nil, command: "try")),
    BadCase(line: "--", error: .missingArgument("[A]", command: "try")),
    BadCase(line: "--name", error: .missingValue(option: "--name")),
    BadCase(line: "-n", error: .missingValue(option: "-n")),
    BadCase(
      line: "--flag=maybe",
      error: .badValue(option: "--flag", value: "maybe", expected: "true or false")),
    BadCase(
      line: "--color green",
      error: .badValue(option: "--color", value: "green", expected: "red or blue")),
    BadCase(line: "a b c", error: .unexpectedArgument("c", command: "try")),
    BadCase(line: "--flag false a b", error: .unexpectedArgument("b", command: "try")),
    BadCase(line: "--later=x", error: .notYet("--later")),
    BadCase(line: "-s", error: .notYet("-s")),
  ])
  func `wrong words are refused`(_ c: BadCase) {
    var command = Self.command
    if c.line == "--" { command.positionalCount = 1...2 }
    #expect(throws: c.error) { try ParsedArguments(words(c.line), of: command) }
  }

  @Test func `help is asked for by --help and by -h`() throws {
    #expect(try ParsedArguments(["--help", "--wrong"], of: Self.command).asksForHelp)
    #expect(try ParsedArguments(["-h"], of: Self.command).asksForHelp)
  }

  @Test(arguments: [
    ("destnation", "destination"), ("dockerfle", "dockerfile"), ("dock", "dockerfile"),
    ("tagret", "target"), ("zzz", nil), ("", nil),
  ])
  func `the nearest name is suggested`(_ word: String, _ expected: String?) {
    #expect(nearestName(to: word, among: ["destination", "dockerfile", "target"]) == expected)
  }

  private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }
}
