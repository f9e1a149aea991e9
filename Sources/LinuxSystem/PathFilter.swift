// SPDX-License-Identifier: Apache-2.0

/// Which paths a list of patterns leaves out, as `.dockerignore` means it.
///
/// The last pattern that matches a path, or a directory above it, decides; patterns that begin with
/// `!` take paths back in.
package struct PathFilter: Hashable, Sendable {
  private struct Rule: Hashable, Sendable {
    var pattern: PathPattern
    var includes: Bool
    /// In the list as given.
    var index: Int
  }

  private let rules: [Rule]

  /// - Parameter patterns: Empty ones are skipped, but count for the index.
  /// - Throws: ``PathPatternError``.
  package init(_ patterns: [String]) throws(PathPatternError) {
    var rules: [Rule] = []
    for (index, text) in patterns.enumerated() {
      let includes = text.hasPrefix("!")
      let pattern = try PathPattern(includes ? String(text.dropFirst()) : text)
      if pattern.literal?.isEmpty == true { continue }
      rules.append(Rule(pattern: pattern, includes: includes, index: index))
    }
    self.rules = rules
  }

  /// Leaves nothing out.
  package init() { rules = [] }

  /// - Parameter path: Relative, cleaned, without leading slash.
  package func excludes(_ path: PathBytes) -> Bool { excludingPattern(of: path) != nil }

  /// The position of the pattern that leaves `path` out; nil when it stays in.
  package func excludingPattern(of path: PathBytes) -> Int? {
    guard let rule = rules.last(where: { $0.pattern.matchesPathOrParent(path) }), !rule.includes
    else { return nil }
    return rule.index
  }

  /// Whether something below `directory` may stay in; if not, a walk need not enter it.
  package func mayInclude(below directory: PathBytes) -> Bool {
    guard let excluding = excludingPattern(of: directory) else { return true }
    return rules.contains {
      $0.includes && $0.index > excluding && $0.pattern.canMatch(below: directory)
    }
  }
}
