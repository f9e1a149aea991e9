// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import OCI
import Testing

@Suite struct ArgumentTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var text: String
    var given: [String: String]
    /// What `RUN` sees, besides `PATH`.
    var environment: [String]

    init(_ text: String, _ environment: [String]) { self.init(text, [:], environment) }

    init(_ text: String, _ given: [String: String], _ environment: [String]) {
      self.text = text
      self.given = given
      self.environment = environment
    }

    var testDescription: String { "\(text) \(given)" }
  }

  @Test(arguments: [
    Case("FROM a\nARG x\nRUN c", []), Case("FROM a\nARG x=1\nRUN c", ["x=1"]),
    Case("FROM a\nARG x=1\nRUN c", ["x": "2"], ["x=2"]),
    Case("FROM a\nARG x\nRUN c", ["x": ""], ["x="]),
    Case("ARG x=1\nFROM a\nRUN c", []), Case("ARG x=1\nFROM a\nARG x\nRUN c", ["x=1"]),
    Case("ARG x=1\nFROM a\nARG x=2\nRUN c", ["x=2"]), Case("ARG x\nFROM a\nARG x\nRUN c", []),
    Case("ARG x=1 y=$x-2\nFROM a\nARG y\nRUN c", ["y=1-2"]),
    Case("ARG x=1 y=$x-2\nFROM a\nARG y\nRUN c", ["x": "3"], ["y=3-2"]),
    Case("FROM a\nRUN c", ["x": "1"], []),
    // ENV goes before an earlier ARG, the last of both wins as in BuildKit.
    Case("FROM a\nARG x=1\nENV x=2\nRUN c", ["x": "3"], ["x=2"]),
    Case("FROM a\nENV x=1\nARG x=2\nRUN c", ["x=2"]),
    Case("FROM a\nENV x=1\nARG x\nRUN c", ["x=1"]),
    Case("FROM a\nENV x=1\nARG x\nRUN c", ["x": "3"], ["x=3"]),
    // Inherited from the stage below, not from a sibling.
    Case("FROM a AS b\nARG x=1\nFROM b\nRUN c", ["x=1"]),
    Case("FROM a AS b\nARG x=1\nFROM a\nRUN c", []),
    Case("FROM a AS b\nENV x=1\nARG x=2\nFROM b\nRUN c", ["x=1"]),
    Case("FROM a AS b\nENV x=1\nFROM b\nARG x\nRUN c", ["x": "3"], ["x=3"]),
    Case("FROM a\nARG x=1 y=$x\nENV z=$y\nRUN c", ["x=1", "y=1", "z=1"]),
    Case("FROM a\nENV x=1 y=$x\nRUN c", ["x=1", "y="]),
    Case("FROM a\nENV x='a b' y=c\\ d\nRUN c", ["x=a b", "y=c d"]),
    Case(
      "FROM a\nARG TARGETARCH TARGETPLATFORM\nRUN c",
      ["TARGETARCH=amd64", "TARGETPLATFORM=linux/amd64"]),
    Case(
      "FROM a\nARG BUILDARCH BUILDVARIANT TARGETSTAGE\nRUN c",
      ["BUILDARCH=arm64", "BUILDVARIANT=", "TARGETSTAGE=default"]),
    Case("FROM a\nARG TARGETARCH\nRUN c", ["TARGETARCH": "x"], ["TARGETARCH=x"]),
    Case("FROM a\nARG TARGETOS=plan9\nRUN c", ["TARGETOS=plan9"]),
    Case("FROM a\nRUN c", ["http_proxy": "p"], ["HTTP_PROXY=p", "http_proxy=p"]),
    Case("FROM a\nENV HTTP_PROXY=q\nRUN c", ["HTTP_PROXY": "p"], ["HTTP_PROXY=q", "http_proxy=p"]),
  ])
  func `a command sees the arguments in scope`(_ c: Case) throws {
    var planning = Planning()
    planning.options.buildArguments = c.given.map { (name: $0.key, value: $0.value) }
    let stage = try planning.target(c.text)
    #expect(stage.runs.first?.environment == ["PATH=/bin"] + c.environment)
  }

  @Test func `arguments go to the history of RUN, proxies never`() throws {
    var planning = Planning()
    planning.options.buildArguments = [("NO_PROXY", "secret.example"), ("v", "2")]
    let stage = try planning.target(
      "FROM a\nRUN x\nARG v=1 NO_PROXY w\nRUN y z\nENV v=3\nRUN [\"q\"]")
    #expect(
      stage.history == [
        "RUN /bin/sh -c x", "ARG v=2 NO_PROXY w", "RUN |2 v=2 w= /bin/sh -c y z", "ENV v=3",
        "RUN |2 v=3 w= q",
      ])
    #expect(!stage.configuration.config.environment.joined().contains("secret"))
  }

  @Test func `an argument that nothing declares is reported`() throws {
    var planning = Planning()
    planning.options.buildArguments = [
      ("vesrion", "1"), ("version", "1"), ("https_proxy", "p"), ("BUILDKIT_X", "1"),
      ("SOURCE_DATE_EPOCH", "0"), ("TARGETARCH", "x"),
    ]
    _ = try planning.plan("FROM a\nARG version")
    #expect(planning.warnings.map(\.help) == ["did you mean version?"])
  }

  @Test func `the last of two values for one name counts`() throws {
    var planning = Planning()
    planning.options.buildArguments = [("x", "1"), ("x", "2")]
    #expect(try planning.target("FROM a\nARG x\nRUN c").runs[0].environment.last == "x=2")
  }
}
