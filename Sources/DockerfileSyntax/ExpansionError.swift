// SPDX-License-Identifier: Apache-2.0

/// Why a word cannot be expanded.
package struct ExpansionError: Error, Hashable, Sendable {
  package enum Reason: Hashable, Sendable {
    case unterminatedQuote(Character)
    case unterminatedSubstitution
    case badSubstitution
    case unsupportedModifier(String)
    /// `${name:?message}`
    case required(name: String, message: String)
    case invalidPattern(String)
    case nestedTooDeeply
    case tooLong(limitInBytes: Int)
  }

  package var reason: Reason
  /// Of the byte the reason is about, from the start of the word.
  package var offset: Int

  package init(reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  var summary: String {
    switch reason {
    case .unterminatedQuote(let quote): "the quote \(quote) is not closed"
    case .unterminatedSubstitution: "\"${\" is not closed"
    case .badSubstitution: "\"${\" is not followed by a variable's name"
    case .unsupportedModifier(let modifier): "\"\(modifier)\" is no modifier of a variable"
    case .required(let name, let message): "\(name): \(message)"
    case .invalidPattern(let pattern): "\"\(pattern)\" is no pattern"
    case .nestedTooDeeply: "variables are nested too deeply"
    case .tooLong(let limit): "the expanded text is longer than \(limit) bytes"
    }
  }

  var help: String? {
    switch reason {
    case .unterminatedSubstitution: "add \"}\", or write \"\\$\" for a dollar sign"
    case .unsupportedModifier, .badSubstitution:
      "use one of :- - :+ + :? ? # ## % %% / // /# /% behind the name"
    case .invalidPattern: "only *, ?, \\*, \\?, \\\\, \\/ and \\} are special in patterns"
    case .unterminatedQuote(let quote): "close it, or write \"\\\(quote)\" for the character itself"
    case .required(let name, _): "set it with --build-arg \(name)=VALUE or ENV"
    default: nil
    }
  }
}
