// SPDX-License-Identifier: Apache-2.0

extension LogicalLine {
  /// The runs of non-blank bytes.
  func words(_ offsets: Range<Int>) -> [Word] {
    var words: [Word] = []
    var rest = trimmed(offsets)
    while !rest.isEmpty {
      let (first, following) = splitFirst(rest)
      words.append(word(first))
      rest = following
    }
    return words
  }

  /// The words as a shell would split them; quotes and escapes stay where they are. An open quote
  /// goes on to the end.
  func quotedWords(_ offsets: Range<Int>, escape: UInt8) -> [Word] {
    var words: [Word] = []
    var rest = trimmed(offsets)
    while !rest.isEmpty {
      let end = endOfQuotedWord(rest, escape: escape)
      words.append(word(rest.lowerBound..<end))
      rest = trimmed(end..<rest.upperBound)
    }
    return words
  }

  /// Where the word at the start of `offsets` ends.
  func endOfQuotedWord(_ offsets: Range<Int>, escape: UInt8) -> Int {
    var open: UInt8?
    var index = offsets.lowerBound
    while index < offsets.upperBound {
      let byte = bytes[index]
      if byte == escape, open != UInt8(ascii: "'") {
        index += 1
      } else if let quote = open {
        if byte == quote { open = nil }
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        open = byte
      } else if byte.isBlank {
        return index
      }
      index += 1
    }
    return offsets.upperBound
  }
}
