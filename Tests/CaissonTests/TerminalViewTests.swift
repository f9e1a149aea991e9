// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import caisson

@Suite struct TerminalViewTests {
  @Test func `what is done settles, what runs is drawn below it`() {
    var view = TerminalView()
    for event in story.dropLast(4) { view.apply(event, now: .seconds(2)) }
    view.apply(story[7], now: .seconds(2))
    #expect(
      view.takeSettledLines(width: 50) == [
        " => [build 1/2] COPY . /src                   0.0s"
      ])
    #expect(view.takeSettledLines(width: 50) == [])
    #expect(
      view.liveLines(now: .milliseconds(5250), width: 40, height: 10) == [
        " => [build 2/2] RUN make            3.3s",
        "    | cc -c a.c",
        "    | half",
      ])
  }

  @Test func `a failed step leaves its last lines`() {
    var view = TerminalView()
    for event in story { view.apply(event, now: .zero) }
    #expect(
      view.takeSettledLines(width: 44).suffix(7) == [
        "warning: old syntax", "  --> Dockerfile", "  = help: renew",
        " => [build 2/2] RUN make         ERROR 1m05s",
        "    | cc -c a.c",
        "    | red \\u{7}bell",
        "    | half",
      ])
    #expect(view.liveLines(now: .zero, width: 44, height: 10) == [])
  }

  @Test func `lines fit a narrow terminal, and few rows go to titles first`() {
    var view = TerminalView()
    for number in 1...3 {
      view.apply(
        .stepStarted(
          id: StepID(number),
          StepProgress(text: "RUN 製作 with many words", stage: "s", number: number, count: 3)),
        now: .zero)
      view.apply(
        .stepOutput(id: StepID(number), bytes: Array("1\n2\n3\n4\n5\n".utf8), isError: false),
        now: .zero)
    }
    for width in 1...60 {
      let lines = view.liveLines(now: .seconds(1), width: width, height: 100)
      #expect(lines.allSatisfy { displayWidth($0) <= width })
    }
    let lines = view.liveLines(now: .zero, width: 30, height: 5)
    #expect(
      lines == [
        " => [s 1/3] RUN 製作 w... 0.0s", "    | 4", "    | 5",
        " => [s 2/3] RUN 製作 w... 0.0s", " => [s 3/3] RUN 製作 w... 0.0s",
      ])
    #expect(view.liveLines(now: .zero, width: 30, height: 0) == [])
  }

  @Test func `what must be read in full is not cut`() {
    var view = TerminalView()
    let long = String(repeating: "word ", count: 20) + "end"
    view.apply(.message(long), now: .zero)
    #expect(view.takeSettledLines(width: 20) == [long])
  }

  @Test func `a transfer shows how far it is`() {
    var view = TerminalView()
    view.apply(story[1], now: .zero)
    view.apply(story[2], now: .seconds(1))
    #expect(
      view.liveLines(now: .seconds(4), width: 60, height: 5) == [
        " => pull debian:12 0123456789ab 20.0 MB of 50.0 MB      4.0s"
      ])
    view.apply(story[3], now: .seconds(5))
    #expect(view.liveLines(now: .seconds(5), width: 60, height: 5) == [])
    #expect(view.takeSettledLines(width: 60) == [])
  }

  @Test func `frames leave the screen as if each had been drawn alone`() {
    var frame = TerminalFrame()
    var screen = FakeTerminal(width: 20)
    screen.show(frame.paint(settled: [], live: ["one", "two"], width: 20))
    #expect(screen.lines == ["one", "two", ""])
    #expect(screen.hidesCursor)
    #expect(frame.paint(settled: [], live: ["one", "two"], width: 20) == "")
    screen.show(frame.paint(settled: ["done"], live: ["two!"], width: 20))
    #expect(screen.lines == ["done", "two!", ""])
    screen.show(frame.paint(settled: ["end"], live: [], width: 20) + frame.end())
    #expect(screen.lines == ["done", "end", ""])
    #expect(!screen.hidesCursor)
    #expect(frame.end() == "")
  }

  @Test func `lines that a narrower terminal has wrapped are wiped too`() {
    var frame = TerminalFrame()
    _ = frame.paint(settled: [], live: ["0123456789abcdefghi"], width: 20)
    var screen = FakeTerminal(width: 10)
    screen.show("kept\n0123456789abcdefghi\n")
    screen.show(frame.paint(settled: [], live: ["short"], width: 10))
    #expect(screen.lines == ["kept", "short", ""])
  }

  @Test(arguments: [
    ("plain", "plain"), ("\u{1B}[1;31mred\u{1B}[0m", "red"),
    ("\u{1B}]0;title\u{7}text", "text"), ("\u{1B}]8;;x\u{1B}\\link", "link"), ("\u{1B}Mup", "up"),
    ("\u{1B}[", ""), ("a\u{9B}b", "a\\u{9b}b"), ("tab\there", "tab\there"),
    ("\u{202E}evil", "\\u{202e}evil"),
  ])
  func `output is made safe`(_ raw: String, _ expected: String) {
    #expect(plainText(raw.utf8) == expected)
  }

  @Test func `streams are cut into lines`() {
    var splitter = LineSplitter()
    func lines(_ text: String) -> [String] {
      splitter.add(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(lines("a\nb") == ["a"])
    #expect(lines("c\n\n") == ["bc", ""])
    #expect(lines("10%\r20%\r100%\ncrlf\r\n") == ["100%", "crlf"])
    #expect(lines(String(repeating: "x", count: LineSplitter.longestLine + 1)).count == 1)
    #expect(splitter.finish() == [UInt8(ascii: "x")])
    #expect(splitter.finish() == nil)
  }
}

/// As much of a terminal as ``TerminalFrame`` uses.
struct FakeTerminal {
  var lines = [""]
  var hidesCursor = false
  private var row = 0
  private let width: Int

  init(width: Int) { self.width = width }

  mutating func show(_ text: String) {
    var rest = Substring(text)
    while let character = rest.popFirst() {
      switch character {
      case "\n": moveDown()
      case "\r": break
      case "\u{1B}": obey(&rest)
      default:
        if lines[row].count == width { moveDown() }
        lines[row].append(character)
      }
    }
  }

  private mutating func moveDown() {
    row += 1
    if row == lines.count { lines.append("") }
  }

  private mutating func obey(_ rest: inout Substring) {
    let sequence = rest.prefix { !$0.isLetter }
    rest = rest.dropFirst(sequence.count)
    switch rest.popFirst() {
    case "A": row -= Int(sequence.dropFirst()) ?? 1
    case "J": lines = Array(lines[..<row]) + [""]
    case "l": hidesCursor = true
    case "h": hidesCursor = false
    default: lines[row].append("?")
    }
  }
}
