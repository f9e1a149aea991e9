// SPDX-License-Identifier: Apache-2.0

/// Which paths a list of patterns leaves out, as `.dockerignore` means it.
///
/// The last pattern that matches a path, or a directory above it, decides; patterns that begin with
/// `!` take paths back in.
package struct PathFilter: Hashable, Sendable {
  package struct Rule: Hashable, Sendable {
    package var pattern: PathPattern
    /// `!`: what matches stays in.
    package var includes: Bool

    package init(_ pattern: PathPattern, includes: Bool = false) {
      self.pattern = pattern
      self.includes = includes
    }

    /// - Throws: ``PathPatternError``.
    package init(_ text: String) throws(PathPatternError) {
      includes = text.hasPrefix("!")
      pattern = try PathPattern(includes ? String(text.dropFirst()) : text)
    }
  }

  package let rules: [Rule]

  /// - Parameter rules: One for the root itself (`.`, `/`) matches nothing.
  package init(_ rules: [Rule]) { self.rules = rules }

  /// - Throws: ``PathPatternError``.
  package init(patterns: [String]) throws(PathPatternError) {
    var rules: [Rule] = []
    for text in patterns { rules.append(try Rule(text)) }
    self.init(rules)
  }

  /// Leaves nothing out.
  package init() { self.init([]) }

  /// - Parameter path: Relative, cleaned, without leading slash.
  package func excludes(_ path: PathBytes) -> Bool { excludingPattern(of: path) != nil }

  /// The position of the rule that leaves `path` out; nil when it stays in.
  package func excludingPattern(of path: PathBytes) -> Int? {
    guard let index = rules.lastIndex(where: { $0.pattern.matchesPathOrParent(path) }),
      !rules[index].includes
    else { return nil }
    return index
  }

  /// Whether something below `directory` may stay in; if not, a walk need not enter it.
  package func mayInclude(below directory: PathBytes) -> Bool {
    guard let excluding = excludingPattern(of: directory) else { return true }
    return rules[(excluding + 1)...].contains {
      $0.includes && $0.pattern.canMatch(below: directory)
    }
  }
}
