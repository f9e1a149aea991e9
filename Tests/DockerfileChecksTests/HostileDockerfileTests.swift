// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import Testing

@testable import DockerfileChecks

/// Dockerfiles that are made to take time or memory.
@Suite struct HostileDockerfileTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var text: String
  }

  private static func repeated(_ count: Int, _ line: (Int) -> String) -> String {
    (0..<count).map(line).joined()
  }

  static let cases = [
    Case(
      testDescription: "stages on stages, each with a variable",
      text: repeated(2400) { "FROM \($0 == 0 ? "a" : "s\($0 - 1)") AS s\($0)\nENV v\($0)=1\n" }),
    Case(
      testDescription: "many stages on one with many variables",
      text: "FROM a AS b\n" + repeated(1600) { "ENV v\($0)=1\n" }
        + repeated(1600) { _ in "FROM b\nENV x=1\n" }),
    Case(
      testDescription: "values that double",
      text: "FROM scratch\nENV x=abcdefgh\n" + repeated(60) { _ in "ENV x=$x$x\n" }
        + repeated(4900) { "ENV v\($0)=$x$x\n" }),
    Case(
      testDescription: "names that nothing sets, on one line",
      text: "FROM scratch\nLABEL" + repeated(20000) { " a\($0)=$undefined\($0)" }),
    Case(
      testDescription: "names that nothing sets, beside many that are set",
      text: "FROM scratch\n" + repeated(900) { "ENV undefined\($0)x=1\n" }
        + repeated(4000) { "LABEL a=$undefined\($0)\n" }),
    Case(
      testDescription: "a long pipe",
      text: "FROM a\nRUN " + repeated(50000) { _ in "curl x | " } + "sh"),
    Case(
      testDescription: "open quotes and brackets",
      text: "FROM a\n" + repeated(2000) { _ in "RUN $($($((<(`'\"\\\n" } + "RUN $("),
    Case(
      testDescription: "arguments before FROM",
      text: repeated(2900) { "ARG a\($0)=$a\($0 + 1)\n" } + repeated(2000) { "FROM $b\($0)\n" }),
  ]

  @Test(.timeLimit(.minutes(1)), arguments: cases)
  func `a Dockerfile is checked in time that grows with its length`(_ c: Case) throws {
    let file = try Dockerfile(parsing: c.text)
    var selection = RuleSelection()
    selection.experimental = .all
    let start = ContinuousClock.now
    let findings = check(CheckedDockerfile(file, CheckOptions(ignoreRules: .absent)), selection)
    #expect(!findings.isEmpty)
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test(arguments: [
    "RUN \\", "RUN '", "RUN \"\\", "RUN $(", "RUN `", "RUN <(", "RUN | | ;", "RUN #", "RUN sudo",
    "RUN sudo -u",
    "RUN a=", "RUN =a", "RUN chmod", "RUN curl -", "RUN apt-get -o", "RUN bash <<E\nE", "RUN []x",
    "COPY '' /",
    "ADD \"\" /", "EXPOSE /", "EXPOSE :", "EXPOSE 1/", "USER :", "USER :0", "WORKDIR $", "ENV a $",
    "LABEL a=${",
    "LABEL a=${b", "LABEL a=${b:", "LABEL a='", "WORKDIR \"",
  ])
  func `odd instructions bring nothing down`(_ text: String) throws {
    guard let file = try? Dockerfile(parsing: "FROM scratch\n" + text) else { return }
    #expect(!check(CheckedDockerfile(file), RuleSelection()).isEmpty)
  }

  @Test func `a directive without end is refused`() throws {
    let names = String(repeating: "A,", count: 3000)
    let file = try Dockerfile(parsing: "# check=skip=\(names)\nFROM a")
    #expect(throws: CheckDirectiveError.self) {
      try RuleSelection(directive: file.directives.check)
    }
  }
}
