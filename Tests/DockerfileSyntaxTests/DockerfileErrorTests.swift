// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import Testing

@Suite struct DockerfileErrorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    /// `line:column-line:column`
    var place: String
    var message: String
    var help: String?

    init(_ text: String, _ place: String, _ message: String, help: String? = nil) {
      self.text = text
      self.place = place
      self.message = message
      self.help = help
    }

    var testDescription: String { text }
  }

  @Test(arguments: [
    Case("FROM a\nRUNN b", "2:1-2:5", "unknown instruction \"RUNN\"", help: "did you mean RUN?"),
    Case(
      "FROM a\n  cpoy a b", "2:3-2:7", "unknown instruction \"cpoy\"", help: "did you mean COPY?"),
    Case("FROM a\nSPLENDID b", "2:1-2:9", "unknown instruction \"SPLENDID\""),
    Case("RUN a\nFROM b", "1:1-1:4", "RUN before the first FROM"),
    Case("FROM", "1:1-1:5", "FROM lacks arguments"),
    Case("FROM a AS", "1:1-1:5", "FROM lacks arguments"),
    Case("FROM a b", "1:8-1:9", "FROM has too many arguments"),
    Case("FROM a AS b c", "1:13-1:14", "FROM has too many arguments"),
    Case("FROM a AS 1b", "1:11-1:13", "\"1b\" cannot be the name of a stage"),
    Case("FROM a\nENV a", "2:5-2:6", "\"a\" is not KEY=value"),
    Case("FROM a\nENV a=b \\\n  c", "3:3-3:4", "\"c\" is not KEY=value"),
    Case("FROM a\nLABEL =b", "2:7-2:9", "LABEL has an empty name"),
    Case("FROM a\nSHELL /bin/sh", "2:7-2:14", "SHELL needs a JSON array of strings"),
    Case(
      "FROM a\nCMD [\"a\", 1]", "2:11-2:12",
      "the JSON array of CMD has something other than strings"),
    Case("FROM a\nHEALTHCHECK curl x", "2:13-2:17", "HEALTHCHECK does not know \"curl\""),
    Case(
      "FROM a\nHEALTHCHECK --interval=1x CMD a", "2:24-2:26", "\"1x\" is no value for --interval"),
    Case(
      "FROM a\nHEALTHCHECK --timeout=-1s CMD a", "2:23-2:26", "\"-1s\" is no value for --timeout"),
    Case("FROM a\nHEALTHCHECK --retries=x CMD a", "2:23-2:24", "\"x\" is no value for --retries"),
    Case("FROM a\nHEALTHCHECK --retries=1 NONE", "2:23-2:24", "\"1\" is no value for --retries"),
    Case("FROM a\nSTOPSIGNAL a b", "2:14-2:15", "STOPSIGNAL has too many arguments"),
    Case("FROM a\nCOPY a", "2:1-2:5", "COPY lacks arguments"),
    Case(
      "FROM a\nCOPY --chwon=1 a b", "2:6-2:15", "unknown flag \"--chwon\" of COPY",
      help: "did you mean --chown?"),
    Case("FROM a\nCMD --x", "2:5-2:8", "unknown flag \"--x\" of CMD"),
    Case("FROM a\nADD --from=x a b", "2:5-2:13", "unknown flag \"--from\" of ADD"),
    Case("FROM a\nCOPY --chown=1 --chown=2 a b", "2:16-2:25", "flag --chown is given twice"),
    Case("FROM a\nCOPY --from a b", "2:6-2:12", "flag --from lacks a value"),
    Case("FROM a\nCOPY --from=$x a b", "2:13-2:15", "--from takes no variables"),
    Case("FROM a\nCOPY --link=maybe a b", "2:13-2:18", "\"maybe\" is no value for --link"),
    Case(
      "FROM a\nRUN --mount=type=cache,tarket=/x y", "2:24-2:30",
      "unknown option \"tarket\" of --mount", help: "did you mean target?"),
    Case(
      "FROM a\nRUN --mount=type=cache,target y", "2:24-2:30",
      "option \"target\" of --mount lacks a value", help: "write: target=VALUE"),
    Case("FROM a\nRUN --mount=from=$x,target=/y z", "2:18-2:20", "from takes no variables"),
    Case("FROM a\nRUN --network=off y", "2:15-2:18", "\"off\" is no value for --network"),
    Case(
      "FROM a\nRUN \\\n --security=secure y", "3:13-3:19", "\"secure\" is no value for --security"),
    Case("FROM a\nCOPY --parents=yes a b", "2:16-2:19", "\"yes\" is no value for --parents"),
    Case("FROM a\nCOPY --exclude a b", "2:6-2:15", "flag --exclude lacks a value"),
    Case("FROM a\nCOPY --checksum=sha256:x a b", "2:6-2:25", "unknown flag \"--checksum\" of COPY"),
    Case("FROM a\nRUN <<EOF\nx", "2:5-2:10", "the here-document \"EOF\" does not end"),
    Case("FROM a\nCOPY a <<EOF\nEOF", "2:8-2:13", "a here-document cannot be the destination"),
    Case("FROM a\nCOPY <<a/b /x\na/b", "2:6-2:11", "the here-document \"a/b\" cannot be a file"),
    Case("FROM a\nONBUILD FROM b", "2:9-2:13", "ONBUILD cannot trigger FROM"),
    Case("FROM a\nONBUILD ONBUILD RUN b", "2:9-2:16", "ONBUILD cannot trigger ONBUILD"),
    Case("FROM a\nONBUILD", "2:1-2:8", "ONBUILD lacks arguments"),
    Case("FROM a\nONBUILD COPPY a b", "2:9-2:14", "unknown instruction \"COPPY\""),
    Case("# escape=x\nFROM a", "1:10-1:11", "\"x\" cannot be the escape character"),
    Case("# escape=`\n# escape=`\nFROM a", "2:3-2:9", "directive \"escape\" is given twice"),
    Case(
      "# syntax=example.com/x\nFROM a", "1:10-1:23", "the syntax \"example.com/x\" is not built in"),
    Case("FROM a\nRUN a\0b", "2:6-2:7", "the file is not UTF-8 text, or has a NUL byte"),
    Case("FROM a\nRUN []", "2:1-2:4", "RUN lacks arguments"),
  ])
  func `a fault is reported where it is`(_ c: Case) throws {
    let error = #expect(throws: DockerfileError.self) { try Dockerfile(parsing: c.text) }
    let diagnostic = try #require(error).diagnostic
    let range = try #require(diagnostic.range)
    let place =
      "\(range.start.line):\(range.start.column)-\(range.end.line):\(range.end.column)"
    #expect(place == c.place)
    #expect(diagnostic.message == c.message)
    if let help = c.help { #expect(diagnostic.help == help) }
  }

  @Test(arguments: ["", "\n\n", "# only a comment\n"])
  func `a file without instructions is refused`(text: String) {
    #expect(throws: DockerfileError.noInstructions) { try Dockerfile(parsing: text) }
  }

  @Test func `bytes that are not UTF-8 are refused where they are`() {
    let bytes = Array("FROM a\nRUN é".utf8) + [0xC3, 0x28]
    #expect(throws: DockerfileError.notText(at: SourceRange(line: 2, columns: 7..<8))) {
      try Dockerfile(parsing: bytes, name: "Dockerfile")
    }
  }
}
