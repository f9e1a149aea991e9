// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import Testing

@testable import DockerfileChecks

/// The pages of `docs/rules`, which are also the first examples of every rule.
@Suite struct RulePageTests {
  @Test(arguments: Rule.all.map(\.name))
  func `a rule's page has a bad example that it alone finds, and a good one`(_ name: String) throws
  {
    let page = try Page(name)
    #expect(page.lines.first == "# \(name)")
    let bad = try page.example("Bad")
    #expect(try rules(finding: bad.dockerfile, bad.options) == [name])
    let good = try page.example("Good")
    #expect(try rules(finding: good.dockerfile, good.options) == [])
  }

  @Test(arguments: Rule.all.map(\.name))
  func `a rule's page says where it comes from`(_ name: String) throws {
    let rule = try #require(Rule.named(name))
    let text = try Page(name).lines.joined(separator: "\n")
    #expect(text.contains("build-checks/\(rule.slug)/") == (rule.origin == .buildKit))
    #expect(text.contains("--skip \(name)"))
    #expect(text.contains("experimental") == rule.isExperimental)
  }

  @Test func `the index lists every rule with its summary, and no other`() throws {
    let rows = try Page("README").lines.filter { $0.hasPrefix("| [") }
    let expected = Rule.all.map { rule in
      let mark = rule.isExperimental ? " (experimental)" : ""
      return "| [\(rule.name)](\(rule.name).md) | \(rule.summary)\(mark) |"
    }
    #expect(rows.sorted() == expected.sorted())
  }

  @Test func `names are unique, and so are slugs`() {
    #expect(Set(Rule.all.map { $0.name.lowercased() }).count == Rule.all.count)
    #expect(Set(Rule.all.map(\.slug)).count == Rule.all.count)
    #expect(Rule.named("JSONArgsRecommended")?.slug == "json-args-recommended")
    #expect(Rule.named("undefinedARGinFrom")?.slug == "undefined-arg-in-from")
  }

  @Test func `all of BuildKit's rules are there`() {
    let names = Rule.all.filter { $0.origin == .buildKit }.map(\.name)
    #expect(names.count == 21)
    let experimental = Rule.all.filter(\.isExperimental).map(\.name)
    #expect(experimental.sorted() == ["CopyIgnoredFile", "InvalidDefinitionDescription"])
  }
}

/// A page of `docs/rules`.
private struct Page {
  var lines: [String]

  private struct NoExample: Error {}

  init(_ name: String) throws {
    let tests = PathBytes(#filePath).parent.parent.parent
    let path = tests.appending("docs/rules/\(name).md")
    let bytes = try contents(of: path, limit: 1 << 20)
    lines = String(decoding: bytes, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  func example(_ title: String) throws -> (dockerfile: String, options: CheckOptions) {
    guard let start = lines.firstIndex(of: "## \(title)") else { throw NoExample() }
    let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
    guard let dockerfile = block("dockerfile", in: section) else { throw NoExample() }
    let options = try block("gitignore", in: section).map(ignoring)
    return (dockerfile, options ?? CheckOptions(ignoreRules: .absent))
  }

  private func block(_ language: String, in section: ArraySlice<String>) -> String? {
    guard let start = section.firstIndex(of: "```\(language)") else { return nil }
    return section[(start + 1)...].prefix { $0 != "```" }.joined(separator: "\n")
  }
}
