// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Testing

@Suite struct DiagnosticTests {
  @Test func `a diagnostic shows message, place, excerpt, notes and help`() {
    let diagnostic = Diagnostic(
      "COPY source \"dist/app\" is not in the build context",
      in: .init(
        file: "Dockerfile", range: SourceRange(line: 14, columns: 6..<14),
        lines: ["COPY dist/app /usr/local/bin/app"]),
      notes: ["the context is /src"], help: "add \"!dist/app\"")
    #expect(
      diagnostic.rendered() == """
        error: COPY source "dist/app" is not in the build context
          --> Dockerfile:14:6
           |
        14 | COPY dist/app /usr/local/bin/app
           |      ^^^^^^^^
          = note: the context is /src
          = help: add "!dist/app"
        """)
  }

  @Test func `without a place there is no margin`() {
    #expect(
      Diagnostic("no network", severity: .warning, help: "try again").rendered()
        == "warning: no network\n  = help: try again")
    #expect(
      Diagnostic("empty", in: .init(file: "-")).rendered() == "error: empty\n  --> -")
  }

  @Test func `a range over lines is marked on each, with numbers aligned`() {
    let range = SourceRange(
      SourcePosition(line: 9, column: 3), SourcePosition(line: 10, column: 4))
    let rendered = Diagnostic("x", in: .init(file: "f", range: range, lines: ["abcd", "efgh"]))
      .rendered()
    #expect(
      rendered.split(separator: "\n").suffix(4) == [
        " 9 | abcd", "   |   ^^", "10 | efgh", "   | ^^^",
      ])
  }

  @Test func `carets stand below tabs and behind wide text`() {
    let rendered = Diagnostic(
      "x",
      in: .init(
        file: "f", range: SourceRange(line: 1, columns: 4..<5), lines: ["\té x"])
    ).rendered()
    #expect(rendered.hasSuffix("\n  | \t ^"))
  }

  @Test(arguments: [
    SourceRange(line: 1, columns: 0..<0), SourceRange(line: 1, columns: 99..<100),
    SourceRange(line: 7, columns: -5..<(-2)),
    SourceRange(SourcePosition(line: 5, column: 1), SourcePosition(line: 2, column: 1)),
    SourceRange(SourcePosition(line: 99, column: 1), SourcePosition(line: 2, column: 9)),
  ])
  func `a range outside of its lines does no harm`(_ range: SourceRange) {
    let rendered = Diagnostic("x", in: .init(file: "f", range: range, lines: ["ab", "cd", "ef"]))
      .rendered()
    #expect(rendered.contains("ab"))
  }

  @Test func `long excerpts are cut`() {
    let range = SourceRange(
      SourcePosition(line: 1, column: 1), SourcePosition(line: 50, column: 1))
    let lines = (1...50).map { "line\($0)" }
    let rendered = Diagnostic("x", in: .init(file: "f", range: range, lines: lines)).rendered()
    #expect(rendered.contains("line6"))
    #expect(!rendered.contains("line7"))
    #expect(rendered.hasSuffix("..."))
  }

  @Test func `control characters from outside cannot drive a terminal`() {
    let text = "a\u{1B}[31mb\r\u{7}\u{202E}\u{9B}c\td"
    let shown = "a\\u{1b}[31mb\\u{d}\\u{7}\\u{202e}\\u{9b}c\td"
    #expect(escapedForTerminal(text) == shown)
    #expect(escapedForTerminal("plain é 字") == "plain é 字")
    #expect(
      !Diagnostic("\u{1B}", in: .init(file: "\u{1B}"), notes: ["\u{1B}"], help: "\u{1B}")
        .rendered().contains("\u{1B}"))
  }
}
