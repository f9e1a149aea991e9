// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// One thing to look for in a Dockerfile.
package struct Rule: Sendable {
  package enum Origin: Hashable, Sendable {
    /// A check of BuildKit, by BuildKit's name: a build warns of it.
    case buildKit
    case caisson
  }

  /// In upper camel case, as it is skipped by.
  package let name: String
  package let origin: Origin
  /// What is wrong where it finds something.
  package let summary: String
  package let severity: Diagnostic.Severity
  /// Looked for only when asked for.
  package let isExperimental: Bool
  let look: @Sendable (CheckedDockerfile) -> [Remark]

  init(
    _ name: String, _ origin: Origin, _ summary: String, isExperimental: Bool = false,
    look: @escaping @Sendable (CheckedDockerfile) -> [Remark]
  ) {
    self.name = name
    self.origin = origin
    self.summary = summary
    self.severity = .warning
    self.isExperimental = isExperimental
    self.look = look
  }

  /// The name in lower case, a dash between its words: `from-as-casing`.
  package var slug: String {
    var slug = ""
    let letters = Array(name)
    for (index, letter) in letters.enumerated() {
      let followsSmall = index > 0 && letters[index - 1].isLowercase
      let precedesSmall = index + 1 < letters.count && letters[index + 1].isLowercase
      if letter.isUppercase, index > 0, followsSmall || precedesSmall { slug += "-" }
      slug += letter.lowercased()
    }
    return slug
  }

  package func findings(in dockerfile: CheckedDockerfile) -> [Finding] {
    look(dockerfile).map { remark in
      Finding(
        rule: name, message: remark.message, severity: severity, range: remark.range,
        help: remark.help)
    }
  }

  package static let all: [Rule] =
    stageRules + casingRules + argumentRules + commandRules + secretRules + formatRules
    + ignoredFileRules + baseImageRules + userRules + packageRules + shellRules + copyRules

  package static func named(_ name: String) -> Rule? { byName[name.lowercased()] }

  private static let byName = Dictionary(
    all.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
}

/// What a rule says of a place.
struct Remark {
  var message: String
  var range: SourceRange
  var help: String?

  init(_ message: String, at range: SourceRange, help: String? = nil) {
    self.message = message
    self.range = range
    self.help = help
  }
}

/// What a rule found.
package struct Finding: Hashable, Sendable {
  package var rule: String
  package var message: String
  package var severity: Diagnostic.Severity
  package var range: SourceRange
  package var help: String?

  package init(
    rule: String, message: String, severity: Diagnostic.Severity, range: SourceRange, help: String?
  ) {
    self.rule = rule
    self.message = message
    self.severity = severity
    self.range = range
    self.help = help
  }

  package var diagnostic: Diagnostic {
    Diagnostic("\(rule): \(message)", severity: severity, at: range, help: help)
  }
}
