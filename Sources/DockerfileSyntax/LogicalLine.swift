// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// An instruction's text once its continuation lines are joined; it knows where each byte was.
struct LogicalLine: Hashable, Sendable {
  private struct Piece: Hashable, Sendable {
    /// In ``bytes``.
    var offset: Int
    var start: SourcePosition
  }

  private(set) var bytes: [UInt8] = []
  private var pieces: [Piece] = []
  /// Where everything is said to be, for text that is not in the file.
  private let fixedRange: SourceRange?

  init(at fixedRange: SourceRange? = nil) { self.fixedRange = fixedRange }

  mutating func append(_ text: some Sequence<UInt8>, at start: SourcePosition) {
    pieces.append(Piece(offset: bytes.count, start: start))
    bytes.append(contentsOf: text)
  }

  var count: Int { bytes.count }

  func range(_ offsets: Range<Int>) -> SourceRange {
    if let fixedRange { return fixedRange }
    let start = position(offsets.lowerBound)
    guard !offsets.isEmpty else { return SourceRange(start, start) }
    var end = position(offsets.upperBound - 1)
    end.column += 1
    return SourceRange(start, end)
  }

  func text(_ offsets: Range<Int>) -> String { String(decoding: bytes[offsets], as: UTF8.self) }

  func word(_ offsets: Range<Int>) -> Word { Word(text: text(offsets), range: range(offsets)) }

  /// The offsets without white space at either end.
  func trimmed(_ offsets: Range<Int>) -> Range<Int> {
    var (low, high) = (offsets.lowerBound, offsets.upperBound)
    while low < high, bytes[low].isBlank { low += 1 }
    while low < high, bytes[high - 1].isBlank { high -= 1 }
    return low..<high
  }

  /// The first run of non-blank bytes, and what follows it without leading blanks.
  func splitFirst(_ offsets: Range<Int>) -> (first: Range<Int>, rest: Range<Int>) {
    let whole = trimmed(offsets)
    let end = whole.first { bytes[$0].isBlank } ?? whole.upperBound
    return (whole.lowerBound..<end, trimmed(end..<whole.upperBound))
  }

  private func position(_ offset: Int) -> SourcePosition {
    var (low, high) = (0, pieces.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if pieces[middle].offset <= offset { low = middle } else { high = middle }
    }
    guard low < pieces.count else { return SourcePosition(line: 1, column: 1) }
    let piece = pieces[low]
    return SourcePosition(
      line: piece.start.line, column: piece.start.column + offset - piece.offset)
  }
}

/// A part of an instruction as written: quotes, escapes and variables are still in it.
package struct Word: Hashable, Sendable {
  package var text: String
  package var range: SourceRange

  package init(text: String, range: SourceRange) {
    self.text = text
    self.range = range
  }

  /// The place of a byte of ``text``; the whole word when it goes over several lines.
  package func range(at offset: Int) -> SourceRange { range(of: offset..<(offset + 1)) }

  /// The place of some bytes of ``text``; the whole word when it goes over several lines.
  package func range(of offsets: Range<Int>) -> SourceRange {
    guard range.start.line == range.end.line,
      range.end.column - range.start.column == text.utf8.count,
      offsets.upperBound <= text.utf8.count
    else { return range }
    let column = range.start.column + offsets.lowerBound
    return SourceRange(line: range.start.line, columns: column..<(column + offsets.count))
  }
}
