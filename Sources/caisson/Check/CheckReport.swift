// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import OCI

/// What was found in a Dockerfile.
struct CheckReport {
  var source: SourceText
  var findings: [Finding]
  /// Of the directive.
  var warnings: [Diagnostic]
  var failsOnFindings: Bool

  var isFailure: Bool { failsOnFindings && !findings.isEmpty }

  func encoded(as format: CheckQuery.Format) throws -> [UInt8] {
    switch format {
    case .text: Array(text.utf8)
    case .json: try encodeJSON(json, pretty: true) + [0x0A]
    case .sarif: try encodeJSON(sarif, pretty: true) + [0x0A]
    case .github: Array(annotations.utf8)
    }
  }

  /// For people; empty when nothing was found.
  var text: String {
    guard !findings.isEmpty else { return "" }
    let blocks = findings.map { finding in
      source.located(finding.diagnostic(isError: failsOnFindings)).rendered() + "\n"
    }
    return blocks.joined(separator: "\n") + "\n\(findingCount(findings.count))\n"
  }

  /// docs/check-json.md has the fields.
  var json: JSONValue {
    .object([
      "schemaVersion": .integer(1), "file": .string(source.name),
      "failed": .bool(isFailure), "findings": .array(findings.map(json(of:))),
    ])
  }

  private func json(of finding: Finding) -> JSONValue {
    var fields: [String: JSONValue] = [
      "rule": .string(finding.rule), "severity": .string(severity),
      "message": .string(finding.message),
      "start": json(of: finding.range.start), "end": json(of: finding.range.end),
    ]
    fields["help"] = finding.help.map(JSONValue.string)
    fields["documentation"] = Rule.named(finding.rule).map { .string($0.documentation) }
    return .object(fields)
  }

  private func json(of position: SourcePosition) -> JSONValue {
    .object([
      "line": .integer(Int64(position.line)), "column": .integer(Int64(position.column)),
    ])
  }

  var severity: String { (failsOnFindings ? Diagnostic.Severity.error : .warning).rawValue }
}

extension Finding {
  func diagnostic(isError: Bool) -> Diagnostic {
    var diagnostic = diagnostic
    if isError { diagnostic.severity = .error }
    return diagnostic
  }
}

extension Rule {
  /// A web page of BuildKit's, or a page of this program's source.
  var documentation: String {
    switch origin {
    case .buildKit: "https://docs.docker.com/reference/build-checks/\(slug)/"
    case .caisson: "docs/rules/\(name).md"
    }
  }
}

/// What `--rules` prints.
func ruleTable() -> String {
  table(
    ["RULE", "FROM", "FINDS"],
    Rule.all.sorted { $0.name < $1.name }.map { rule in
      [
        rule.name, rule.origin == .buildKit ? "BuildKit" : "Caisson",
        rule.summary + (rule.isExperimental ? " (experimental)" : ""),
      ]
    })
}

func ruleListJSON() throws -> [UInt8] {
  let list = Rule.all.sorted { $0.name < $1.name }.map { rule in
    JSONValue.object([
      "name": .string(rule.name),
      "origin": .string(rule.origin == .buildKit ? "buildkit" : "caisson"),
      "summary": .string(rule.summary), "severity": .string(rule.severity.rawValue),
      "isExperimental": .bool(rule.isExperimental), "documentation": .string(rule.documentation),
    ])
  }
  return try encodeJSON(JSONValue.array(list), pretty: true) + [0x0A]
}
