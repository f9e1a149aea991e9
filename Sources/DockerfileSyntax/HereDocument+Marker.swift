// SPDX-License-Identifier: Apache-2.0

import Diagnostics

extension HereDocument {
  /// `<<NAME`, `<<-NAME`, `3<<"NAME"` as a word of its own.
  struct Marker: Hashable, Sendable {
    var name: String
    var expands: Bool
    var stripsTabs: Bool
    /// The word that the marker is.
    var text: String
    var range: SourceRange

    init?(_ word: Word) {
      var rest = Substring(word.text)
      rest = rest.drop { $0.isASCII && $0.isNumber }
      guard rest.hasPrefix("<<") else { return nil }
      rest = rest.dropFirst(2)
      stripsTabs = rest.hasPrefix("-")
      if stripsTabs { rest = rest.dropFirst() }
      guard !rest.isEmpty, !rest.contains("<"), let name = Self.unquoted(rest), !name.isEmpty else {
        return nil
      }
      self.name = name
      expands = name == rest
      text = word.text
      range = word.range
    }

    /// - Returns: Nil when a quote is not closed.
    private static func unquoted(_ text: Substring) -> String? {
      var name = ""
      var open: Character?
      for character in text {
        if character == open {
          open = nil
        } else if open == nil, character == "'" || character == "\"" {
          open = character
        } else {
          name.append(character)
        }
      }
      return open == nil ? name : nil
    }
  }
}
