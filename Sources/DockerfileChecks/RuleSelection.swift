// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

/// Which rules are looked at, and whether what they find is a failure.
///
/// Dockerfile reference, "Parser directives", "check".
package struct RuleSelection: Hashable, Sendable {
  package enum Names: Hashable, Sendable {
    case all
    /// In lower case.
    case some(Set<String>)

    func contains(_ name: String) -> Bool {
      switch self {
      case .all: true
      case .some(let names): names.contains(name.lowercased())
      }
    }

    package mutating func add(_ other: Names) {
      switch (self, other) {
      case (.all, _), (_, .all): self = .all
      case (.some(let ours), .some(let theirs)): self = .some(ours.union(theirs))
      }
    }

    package mutating func add(_ name: String) {
      add(name.lowercased() == "all" ? .all : .some([name.lowercased()]))
    }
  }

  package var skipped = Names.some([])
  package var experimental = Names.some([])
  /// Anything found is a failure.
  package var failsOnFindings = false
  /// Of names in the directive that no rule has.
  package private(set) var warnings: [Diagnostic] = []

  package init() {}

  package func includes(_ rule: Rule) -> Bool {
    !skipped.contains(rule.name) && (!rule.isExperimental || experimental.contains(rule.name))
  }

  /// What `# check=` at the top of a Dockerfile says: `skip=RULE,RULE;error=true`.
  ///
  /// - Throws: ``CheckDirectiveError``.
  package init(directive word: Word?) throws(CheckDirectiveError) {
    guard let word else { return }
    guard word.text.utf8.count <= Self.longestDirective else {
      throw .tooLong(limitInBytes: Self.longestDirective, at: word.range)
    }
    for (text, range) in Self.parts(of: word.text, from: 0, in: word, separator: ";") {
      guard !text.isEmpty else { continue }
      let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = trimmed(halves.first ?? "")
      guard halves.count == 2 else { throw .malformed(String(text), at: word.range(of: range)) }
      let value = trimmed(halves[1])
      switch key.lowercased() {
      case "skip": add(value, to: \.skipped, word)
      case "experimental": add(value, to: \.experimental, word)
      case "error":
        guard ["true", "false"].contains(value.lowercased()) else {
          throw .malformed(String(text), at: word.range(of: range))
        }
        failsOnFindings = value.lowercased() == "true"
      default: throw .unknownOption(key, at: word.range(of: range))
      }
    }
  }

  private mutating func add(
    _ list: String, to names: WritableKeyPath<RuleSelection, Names>, _ word: Word
  ) {
    for part in list.split(separator: ",") {
      let name = trimmed(part)
      guard !name.isEmpty else { continue }
      self[keyPath: names].add(name)
      guard name.lowercased() != "all", Rule.named(name) == nil else { continue }
      warnings.append(
        Diagnostic(
          "there is no rule \"\(name)\"", severity: .warning, at: word.range,
          help: ruleNear(name).map { "did you mean \($0)?" }
            ?? "\"caisson check --rules\" lists the rules"))
    }
  }

  private static let longestDirective = 4096

  /// The pieces without blanks around them, and where their bytes are in the word.
  private static func parts(
    of text: String, from start: Int, in word: Word, separator: Character
  ) -> [(String, Range<Int>)] {
    var offset = start
    return text.split(separator: separator, omittingEmptySubsequences: false).map { piece in
      defer { offset += piece.utf8.count + 1 }
      return (trimmed(piece), offset..<(offset + piece.utf8.count))
    }
  }
}

/// The rule that was probably meant.
package func ruleNear(_ name: String) -> String? { nearest(to: name, among: Rule.all.map(\.name)) }

private func trimmed(_ text: some StringProtocol) -> String {
  let start = text.drop(while: \.isWhitespace)
  guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
  return String(start[...last])
}

/// Why `# check=` cannot be understood.
package enum CheckDirectiveError: Error, Hashable, Sendable {
  case malformed(String, at: SourceRange)
  case tooLong(limitInBytes: Int, at: SourceRange)
  case unknownOption(String, at: SourceRange)
}

extension CheckDirectiveError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .malformed(let text, let range):
      Diagnostic(
        "\"\(text)\" in the check directive cannot be understood", at: range,
        help: "write: # check=skip=RULE,RULE;error=true;experimental=RULE")
    case .tooLong(let limit, let range):
      Diagnostic(
        "the check directive is longer than \(limit) bytes", at: range, help: "skip=all skips all")
    case .unknownOption(let name, let range):
      Diagnostic(
        "unknown option \"\(name)\" in the check directive", at: range,
        help: nearest(to: name, among: ["skip", "error", "experimental"])
          .map { "did you mean \($0)?" } ?? "it takes skip, error and experimental")
    }
  }
}
