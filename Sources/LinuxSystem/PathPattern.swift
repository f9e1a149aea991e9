// SPDX-License-Identifier: Apache-2.0

/// Why a text is no pattern.
package struct PathPatternError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    /// `[` without a proper list of characters and `]`.
    case malformedClass
    /// A backslash with nothing behind it.
    case trailingEscape
    case tooLong(limitInBytes: Int)
  }

  package var reason: Reason
  /// In bytes from the start of the text.
  package var offset: Int
}

extension PathPatternError.Reason {
  /// What to do about it.
  package var help: String {
    switch self {
    case .malformedClass: "close \"[\" with \"]\", or write \"\\[\" for the character itself"
    case .trailingEscape: "write \"\\\\\" for a backslash"
    case .tooLong(let limit): "use at most \(limit) bytes"
    }
  }
}

/// A glob for relative paths: `*`, `?`, `[a-z]`, `[^a-z]` and `\` as in Go's `path.Match`, and `**`.
///
/// `**` stands for directories at any depth, none included; at the end it stands for anything.
/// Only `**` crosses a slash. Matching takes time proportional to path times pattern.
package struct PathPattern: Hashable, Sendable {
  /// The path itself, when the pattern has no wildcards; escapes are taken away.
  package let literal: PathBytes?
  /// The leading components without wildcards: every match lies at or below this path.
  package let literalPrefix: PathBytes
  /// What every match begins with; the machine takes over behind it.
  private let head: [UInt8]
  private let machine: GlobMachine

  /// - Parameter text: Cleaned first: slashes at either end, empty parts and `.` do not count, `..`
  ///   takes away the part before it.
  /// - Throws: ``PathPatternError``.
  package init(_ text: PathBytes) throws(PathPatternError) {
    guard text.bytes.count <= Self.longest else {
      throw PathPatternError(reason: .tooLong(limitInBytes: Self.longest), offset: Self.longest)
    }
    let tokens = try GlobToken.parse(text.cleaned.bytes)
    let literals = tokens.prefix { $0.literal != nil }.compactMap(\.literal)
    let bytes = literals.flatMap { Array(UTF8Unit.encode($0)) }
    head = bytes
    if literals.count == tokens.count {
      literal = PathBytes(bytes)
      literalPrefix = PathBytes(bytes)
    } else {
      literal = nil
      literalPrefix = PathBytes(bytes).parent
    }
    machine = GlobMachine(Array(tokens.dropFirst(literals.count)))
  }

  package init(_ text: String) throws(PathPatternError) { try self.init(PathBytes(text)) }

  private static let longest = 4096

  package var isLiteral: Bool { literal != nil }

  /// - Parameter path: Relative, cleaned, without leading slash.
  package func matches(_ path: PathBytes) -> Bool {
    if let literal { return literal == path }
    guard path.bytes.starts(with: head) else { return false }
    return machine.run(path.bytes, from: head.count) == .accepted
  }

  /// Whether the pattern matches `path` or a directory above it.
  package func matchesPathOrParent(_ path: PathBytes) -> Bool {
    if let literal { return !literal.isEmpty && path.isWithin(literal) }
    guard path.bytes.starts(with: head) else { return false }
    return machine.run(path.bytes, from: head.count, stopsAtParents: true) == .accepted
  }

  /// Whether some path below `directory` could match.
  package func canMatch(below directory: PathBytes) -> Bool {
    if directory.isEmpty { return true }
    let prefix = directory.bytes + [PathBytes.slash]
    if prefix.count <= head.count { return head.starts(with: prefix) }
    guard prefix.starts(with: head) else { return false }
    return machine.run(prefix, from: head.count) != .impossible
  }
}

extension PathBytes {
  /// Lexically cleaned as Go's `path.Clean` does it, then without leading slash; may be empty.
  fileprivate var cleaned: PathBytes {
    let up = PathBytes("..")
    var kept: [PathBytes] = []
    for part in components {
      if part == up, let last = kept.last, last != up {
        kept.removeLast()
      } else if part != up || !isAbsolute {
        kept.append(part)
      }
    }
    return PathBytes(joining: kept)
  }
}
