// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import LinuxSystem
import OCI
import Synchronization
import TestSupport
import Testing

@testable import caisson

@Suite struct CheckCommandTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func query(_ line: String) throws -> CheckQuery {
    var surroundings = machine
    surroundings.workingDirectory = directory.path
    let words = ["caisson"] + line.split(separator: " ").map(String.init)
    guard case .check(let query) = try Invocation(words, surroundings) else { throw NoCheck() }
    return query
  }

  private struct NoCheck: Error {}

  private func report(_ line: String) throws -> CheckReport {
    let report = try checkReport(try query(line))
    return try #require(report)
  }

  @Test func `a context, a file and --file lead to the Dockerfile and its name`() throws {
    _ = try directory.write("Dockerfile", "FROM a:1 AS One\nUSER 1\n")
    try makeDirectory(directory.appending("sub"), mode: 0o700)
    _ = try directory.write("sub/Dockerfile", "FROM a:1 AS Two\nUSER 1\n")
    _ = try directory.write("sub/other", "FROM a:1\nCOPY . /\nUSER 1\n")
    #expect(try report("check").source.name == "Dockerfile")
    #expect(try report("check .").source.name == "Dockerfile")
    #expect(try report("check sub").source.name == "sub/Dockerfile")
    #expect(try report("check sub/Dockerfile").source.name == "sub/Dockerfile")
    #expect(try report("check -f sub/other").source.name == "sub/other")
    #expect(try report("build --check sub").findings.map(\.rule) == ["StageNameCasing"])
    // Whether there is an ignore file is known where the context is.
    #expect(try report("check -f sub/other sub").findings.map(\.rule) == ["MissingIgnoreFile"])
    #expect(try report("check sub/other").findings.isEmpty)
    _ = try directory.write("sub/other.dockerignore", "x")
    #expect(try report("check -f sub/other sub").findings.isEmpty)
  }

  @Test func `options and the directive choose rules and make errors`() throws {
    _ = try directory.write(
      "Dockerfile", "# check=skip=StageNameCasing,Nothing\nFROM a AS One\nCMD x\nUSER 1\n")
    let plain = try report("check")
    #expect(plain.findings.map(\.rule) == ["UnpinnedBaseImage", "JSONArgsRecommended"])
    #expect(!plain.isFailure)
    #expect(plain.warnings.map(\.message) == ["there is no rule \"Nothing\""])
    let skipping = try report("check --skip unpinnedbaseimage,FromAsCasing --error")
    #expect(skipping.findings.map(\.rule) == ["JSONArgsRecommended"])
    #expect(skipping.isFailure)
    #expect(try !report("check --skip all --error").isFailure)
    _ = try directory.write("Dockerfile", "# check=error=true\nFROM a:1 AS One\nUSER 1\n")
    #expect(try report("check").isFailure)
  }

  @Test func `experimental rules are looked at when asked for`() throws {
    _ = try directory.write("Dockerfile", "FROM a:1\nCOPY x /\nUSER 1\n")
    _ = try directory.write(".dockerignore", "x")
    #expect(try report("check").findings.isEmpty)
    #expect(try report("check --experimental").findings.map(\.rule) == ["CopyIgnoredFile"])
  }

  @Test func `of ignore files the Dockerfile's comes first, then docker's name before podman's`()
    throws
  {
    _ = try directory.write("Dockerfile", "FROM a:1\nCOPY a b c d /\nUSER 1\n")
    let files = [
      (".containerignore", "a"), (".dockerignore", "b"), ("Dockerfile.containerignore", "c"),
      ("Dockerfile.dockerignore", "d"),
    ]
    for (file, pattern) in files {
      _ = try directory.write(file, pattern)
      #expect(
        try report("check --experimental").findings.map(\.message)
          == ["\"\(pattern)\" is left out by \"\(pattern)\" of \(file)"])
    }
  }

  @Test func `build arguments and the target are those of the build`() throws {
    _ = try directory.write(
      "Dockerfile", "ARG tag=latest\nFROM a:$tag AS one\nUSER 1\nFROM a:1 AS two\nUSER 0\n")
    let all = ["UnpinnedBaseImage", "RootAtTheEnd"]
    #expect(try report("check").findings.map(\.rule) == all)
    #expect(
      try report("check --build-arg tag=1 --target one").findings.isEmpty)
  }

  @Test func `what is found on several platforms is said once`() throws {
    _ = try directory.write(
      "Dockerfile",
      "FROM a:1 AS One_amd64\nFROM a AS one_arm64\nFROM one_$TARGETARCH\nUSER 1\n"
    )
    let platforms = "check --platform linux/amd64,linux/arm64"
    #expect(try report(platforms).findings.map(\.rule) == ["StageNameCasing", "UnpinnedBaseImage"])
  }

  @Test(arguments: [
    ("check a b", "unexpected argument"), ("check --format xml", "--format cannot be"),
    (
      "check --skip UndefinedVer",
      "--skip: there is no rule \"UndefinedVer\" | did you mean UndefinedVar?"
    ),
    ("check --rules --format sarif", "--rules are printed as text or json"),
    ("check - -f x", "- and --file both"), ("check https://x.org/a.tar", "the check cannot be"),
    ("check -f https://x.org/a", "the check cannot be"), ("build --check -", "the check cannot be"),
  ])
  func `wrong usage is said`(_ line: String, _ start: String) {
    #expect(complaint(line)?.hasPrefix(start) == true)
  }

  @Test(arguments: [
    ("FRM a", "unknown instruction \"FRM\""), ("# check=x\nFROM a", "\"x\" in the check directive"),
  ])
  func `what cannot be read is an error with its place`(_ text: String, _ start: String) throws {
    _ = try directory.write("Dockerfile", text)
    do {
      _ = try report("check")
      Issue.record("it was read")
    } catch let error as LocatedError {
      #expect(error.diagnostic.message.hasPrefix(start))
      #expect(error.diagnostic.location?.file == "Dockerfile")
      #expect(error.diagnostic.exit == .failure)
    }
  }

  @Test func `the rules are listed`() throws {
    #expect(try checkReport(query("check --rules")) == nil)
    #expect(ruleTable().split(separator: "\n").count == Rule.all.count + 1)
    let list = try JSONValue(parsing: try ruleListJSON())
    #expect(list.array?.count == Rule.all.count)
    #expect(list.array?.first?["name"]?.string == "AddInsteadOfCopy")
  }
}

@Suite struct CheckReportTests {
  private let report = CheckReport(
    source: SourceText(name: "a,b:c/Dockerfile", text: "FROM a:1\nLABEL x=\"ü$é$y\"\n"),
    findings: [
      Finding(
        rule: "UndefinedVar", message: "100% of\n\"y\"", severity: .warning,
        range: SourceRange(line: 2, columns: 15..<17), help: "set it")
    ], warnings: [], failsOnFindings: false)

  @Test func `text has the place, and how many there are`() {
    #expect(
      report.text == """
        warning: UndefinedVar: 100% of
        "y"
         --> a,b:c/Dockerfile:2:15
          |
        2 | LABEL x="ü$é$y"
          |             ^^
         = help: set it

        1 finding

        """)
    var none = report
    none.findings = []
    #expect(none.text.isEmpty)
    #expect(none.annotations.isEmpty)
  }

  @Test func `GitHub gets one line a finding, with columns in characters`() {
    #expect(
      report.annotations
        == "::warning file=a%2Cb%3Ac/Dockerfile,line=2,endLine=2,col=13,endColumn=15,"
        + "title=UndefinedVar::100%25 of%0A\"y\"%0Aset it\n")
    var failing = report
    failing.failsOnFindings = true
    #expect(failing.annotations.hasPrefix("::error file="))
  }

  @Test func `JSON has the place in bytes, and where to read on`() throws {
    let json = try JSONValue(parsing: try report.encoded(as: .json))
    #expect(json["file"]?.string == "a,b:c/Dockerfile")
    #expect(json["failed"]?.bool == false)
    let finding = try #require(json["findings"]?.array?.first)
    #expect(finding["rule"]?.string == "UndefinedVar")
    #expect(finding["start"]?["column"]?.integer == 15)
    #expect(finding["end"]?["line"]?.integer == 2)
    #expect(
      finding["documentation"]?.string
        == "https://docs.docker.com/reference/build-checks/undefined-var/")
  }

  @Test func `SARIF names every rule, and points to the one that found something`() throws {
    let json = try JSONValue(parsing: try report.encoded(as: .sarif))
    #expect(json["version"]?.string == "2.1.0")
    let run = try #require(json["runs"]?.array?.first)
    let rules = try #require(run["tool"]?["driver"]?["rules"]?.array)
    #expect(rules.count == Rule.all.count)
    let result = try #require(run["results"]?.array?.first)
    let index = try #require(result["ruleIndex"]?.integer)
    #expect(rules[Int(index)]["id"]?.string == "UndefinedVar")
    #expect(rules[Int(index)]["helpUri"]?.string?.hasSuffix("/undefined-var/") == true)
    let place = try #require(result["locations"]?.array?.first?["physicalLocation"])
    #expect(place["artifactLocation"]?["uri"]?.string == "a%2Cb%3Ac/Dockerfile")
    #expect(place["region"]?["startColumn"]?.integer == 13)
    #expect(place["region"]?["endColumn"]?.integer == 15)
    #expect(result["level"]?.string == "warning")
  }
}

@Suite struct BuildFindingTests {
  private func warnings(_ text: String, _ line: String = "build .") throws -> [String] {
    let options = try #require(try buildOptions(line))
    let source = SourceText(name: "Dockerfile", text: text)
    let seen = Warnings()
    try warnOfFindings(
      try Dockerfile(parsing: source), options, ignoring: nil, [:],
      ProgressReporter { seen.add($0) })
    return seen.messages
  }

  @Test func `a build warns of what BuildKit's rules find, once, and of nothing else`() throws {
    let found = try warnings("FROM scratch AS a\nFROM scratch AS a\nCOPY . \\\n\n /\nCMD x")
    #expect(
      found.map { $0.split(separator: ":").first ?? "" } == [
        "DuplicateStageName", "NoEmptyContinuation", "JSONArgsRecommended",
      ])
  }

  @Test func `the directive is heeded, and may make the build fail`() throws {
    #expect(try warnings("# check=skip=all;error=true\nFROM scratch AS A") == [])
    #expect(throws: FindingsError.self) { try warnings("# check=error=true\nFROM scratch AS A") }
    #expect(throws: CheckDirectiveError.self) { try warnings("# check=x=y\nFROM scratch") }
    let kaniko = "executor --no-push"
    #expect(try warnings("# check=error=true\nFROM scratch AS A", kaniko).count == 1)
  }
}

/// The messages of the warnings that were posted.
private final class Warnings: Sendable {
  private let kept = Mutex<[String]>([])

  var messages: [String] { kept.withLock { $0 } }

  func add(_ event: ProgressEvent) {
    guard case .warning(let diagnostic) = event else { return }
    kept.withLock { $0.append(diagnostic.message) }
  }
}
