// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import OCI

extension CheckReport {
  /// OASIS Static Analysis Results Interchange Format 2.1.0.
  var sarif: JSONValue {
    let rules = Rule.all.sorted { $0.name < $1.name }
    let positions = Dictionary(
      uniqueKeysWithValues: rules.enumerated().map { ($0.element.name, Int64($0.offset)) })
    let driver = JSONValue.object([
      "name": .string("caisson"), "version": .string(programVersion),
      "rules": .array(rules.map(\.sarif)),
    ])
    return .object([
      "$schema": .string("https://json.schemastore.org/sarif-2.1.0.json"),
      "version": .string("2.1.0"),
      "runs": .array([
        .object([
          "tool": .object(["driver": driver]), "columnKind": .string("unicodeCodePoints"),
          "results": .array(findings.map { sarif(of: $0, positions[$0.rule]) }),
        ])
      ]),
    ])
  }

  private func sarif(of finding: Finding, _ index: Int64?) -> JSONValue {
    let region = region(of: finding)
    let location = JSONValue.object([
      "physicalLocation": .object([
        "artifactLocation": .object(["uri": .string(percentEncoded(source.name))]),
        "region": .object([
          "startLine": .integer(Int64(region.start.line)),
          "startColumn": .integer(Int64(region.start.column)),
          "endLine": .integer(Int64(region.end.line)),
          "endColumn": .integer(Int64(region.end.column)),
        ]),
      ])
    ])
    let text = finding.message + (finding.help.map { "\n\($0)" } ?? "")
    var fields: [String: JSONValue] = [
      "ruleId": .string(finding.rule), "level": .string(severity),
      "message": .object(["text": .string(text)]), "locations": .array([location]),
    ]
    fields["ruleIndex"] = index.map(JSONValue.integer)
    return .object(fields)
  }
}

extension Rule {
  fileprivate var sarif: JSONValue {
    var fields: [String: JSONValue] = [
      "id": .string(name), "shortDescription": .object(["text": .string(summary)]),
      "defaultConfiguration": .object([
        "level": .string(severity.rawValue), "enabled": .bool(!isExperimental),
      ]),
      "help": .object(["text": .string("see \(documentation)")]),
    ]
    // An address must be complete; where pages of ours are served, nobody can know.
    if origin == .buildKit { fields["helpUri"] = .string(documentation) }
    return .object(fields)
  }
}

/// A path as a relative or absolute reference. RFC 3986, section 3.3.
private func percentEncoded(_ path: String) -> String {
  let encoded = path.utf8.map { byte -> String in
    let isPlain =
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || "-._~/".utf8.contains(byte)
    if isPlain { return String(UnicodeScalar(byte)) }
    let digits = String(byte, radix: 16, uppercase: true)
    return "%" + (digits.utf8.count < 2 ? "0" : "") + digits
  }.joined()
  return path.hasPrefix("/") ? "file://" + encoded : encoded
}
