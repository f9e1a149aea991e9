// SPDX-License-Identifier: Apache-2.0

/// The pattern of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?` and characters; no brackets.
struct ShellPattern {
  enum Failure: Error {
    case invalidEscape
    /// More work or text than any Dockerfile needs.
    case tooLong
  }

  private enum Token: Equatable {
    case scalar(Unicode.Scalar)
    case anyScalar
    case star
  }

  private var tokens: [Token] = []

  init(_ text: String) throws(Failure) {
    var scalars = text.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      switch scalar {
      case "*": tokens.append(.star)
      case "?": tokens.append(.anyScalar)
      case "\\":
        // The slash and the brace are protected from the reader of the word, the others from us.
        guard let protected = scalars.next(), "/}*?\\".unicodeScalars.contains(protected) else {
          throw .invalidEscape
        }
        tokens.append(.scalar(protected))
      default: tokens.append(.scalar(scalar))
      }
    }
  }

  func removingPrefix(of value: String, longest: Bool) throws(Failure) -> String {
    let scalars = Array(value.unicodeScalars)
    var budget = Self.budget
    guard let end = try matchEnd(tokens, scalars, from: 0, longest: longest, &budget) else {
      return value
    }
    return Self.string(scalars[end...])
  }

  func removingSuffix(of value: String, longest: Bool) throws(Failure) -> String {
    let reversed = Array(value.unicodeScalars.reversed())
    var budget = Self.budget
    guard
      let end = try matchEnd(tokens.reversed(), reversed, from: 0, longest: longest, &budget)
    else { return value }
    return Self.string(reversed[end...].reversed())
  }

  /// Replaces the longest match at the start.
  func replacingPrefix(of value: String, with replacement: String) throws(Failure) -> String {
    let scalars = Array(value.unicodeScalars)
    var budget = Self.budget
    guard let end = try matchEnd(tokens, scalars, from: 0, longest: true, &budget) else {
      return value
    }
    return replacement + Self.string(scalars[end...])
  }

  /// Replaces the longest match at the end.
  func replacingSuffix(of value: String, with replacement: String) throws(Failure) -> String {
    let reversed = Array(value.unicodeScalars.reversed())
    var budget = Self.budget
    guard let end = try matchEnd(tokens.reversed(), reversed, from: 0, longest: true, &budget)
    else { return value }
    return Self.string(reversed[end...].reversed()) + replacement
  }

  /// Replaces the first longest match, or all that do not overlap.
  func replacing(in value: String, with replacement: String, everywhere: Bool)
    throws(Failure) -> String
  {
    let scalars = Array(value.unicodeScalars)
    let inserted = Array(replacement.unicodeScalars)
    var result: [Unicode.Scalar] = []
    var budget = Self.budget
    var index = 0
    var previousEnd = -1
    while index <= scalars.count {
      let end = try matchEnd(tokens, scalars, from: index, longest: true, &budget)
      // An empty match right behind a match does not count, as in Go.
      if let end, end > index || index != previousEnd {
        result += inserted
        guard result.count <= Expansion.longestResult else { throw .tooLong }
        if !everywhere {
          result += scalars[end...]
          return Self.string(result)
        }
        previousEnd = end
        if end > index {
          index = end
          continue
        }
      }
      if index < scalars.count { result.append(scalars[index]) }
      index += 1
    }
    return Self.string(result)
  }

  /// Steps of ``matchEnd(_:_:from:longest:_:)`` in one expansion.
  private static let budget = 3_000_000

  /// Where the shortest or longest match from `start` ends.
  private func matchEnd(
    _ tokens: [Token], _ scalars: [Unicode.Scalar], from start: Int, longest: Bool,
    _ budget: inout Int
  ) throws(Failure) -> Int? {
    var active = [Bool](repeating: false, count: tokens.count + 1)
    active[0] = true
    var found: Int?
    var index = start
    while true {
      for token in tokens.indices where active[token] && tokens[token] == .star {
        active[token + 1] = true
      }
      if active[tokens.count] {
        found = index
        if !longest { return found }
      }
      guard index < scalars.count, active.contains(true) else { return found }
      budget -= tokens.count + 1
      guard budget > 0 else { throw .tooLong }
      var following = [Bool](repeating: false, count: tokens.count + 1)
      for token in tokens.indices where active[token] {
        switch tokens[token] {
        case .star: following[token] = true
        case .anyScalar: following[token + 1] = true
        case .scalar(let scalar): if scalar == scalars[index] { following[token + 1] = true }
        }
      }
      active = following
      index += 1
    }
  }

  private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }
}
