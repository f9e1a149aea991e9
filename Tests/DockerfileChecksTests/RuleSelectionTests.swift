// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import Testing

@testable import DockerfileChecks

@Suite struct RuleSelectionTests {
  private func selection(_ directive: String) throws -> RuleSelection {
    let file = try Dockerfile(parsing: "# check=\(directive)\nFROM a:1")
    return try RuleSelection(directive: file.directives.check)
  }

  private func names(_ selection: RuleSelection) -> [String] {
    Rule.all.filter(selection.includes).map(\.name)
  }

  @Test func `without a directive all but experimental rules are looked at`() {
    let all = Rule.all.filter { !$0.isExperimental }.map(\.name)
    #expect(names(RuleSelection()) == all)
    #expect(!RuleSelection().failsOnFindings)
  }

  @Test func `a directive skips rules, asks for experimental ones and makes errors`() throws {
    let some = try selection("skip=StageNameCasing, fromascasing;experimental=CopyIgnoredFile")
    #expect(!names(some).contains("StageNameCasing"))
    #expect(!names(some).contains("FromAsCasing"))
    #expect(names(some).contains("CopyIgnoredFile"))
    #expect(!names(some).contains("InvalidDefinitionDescription"))
    #expect(!some.failsOnFindings)
    #expect(some.warnings.isEmpty)
    #expect(try names(selection("skip=all;experimental=all")) == [])
    #expect(try names(selection("experimental=all")).count == Rule.all.count)
    #expect(try selection("error=true").failsOnFindings)
    #expect(try !selection("error=false;").failsOnFindings)
  }

  @Test func `a rule that does not exist is said`() throws {
    let some = try selection("skip=StageNameCasin,Nothing")
    #expect(
      some.warnings.map(\.message) == [
        "there is no rule \"StageNameCasin\"", "there is no rule \"Nothing\"",
      ])
    #expect(some.warnings.first?.help == "did you mean StageNameCasing?")
    #expect(some.warnings.map { $0.range?.start.line } == [1, 1])
  }

  @Test(arguments: [
    ("skip", "\"skip\" in the check directive cannot be understood", 9),
    ("error=maybe", "\"error=maybe\" in the check directive cannot be understood", 9),
    ("error=true;skpi=all", "unknown option \"skpi\" in the check directive", 20),
  ])
  func `a directive that cannot be understood is refused`(
    _ text: String, _ message: String, _ column: Int
  ) throws {
    do {
      _ = try selection(text)
      Issue.record("it was taken")
    } catch let error as CheckDirectiveError {
      #expect(error.diagnostic.message == message)
      #expect(error.diagnostic.range?.start == SourcePosition(line: 1, column: column))
    }
  }
}
