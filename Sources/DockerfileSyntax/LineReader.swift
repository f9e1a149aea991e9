// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Hands out logical lines: comments and empty lines skipped, continuations joined.
struct LineReader {
  let source: SourceText
  let escape: UInt8
  /// The next line to read, from 0.
  private var line: Int
  private(set) var emptyContinuations: [SourceRange] = []
  /// For text that is not in the file.
  private let fixedRange: SourceRange?

  init(source: SourceText, escape: UInt8, line: Int, at fixedRange: SourceRange? = nil) {
    self.source = source
    self.escape = escape
    self.line = line
    self.fixedRange = fixedRange
  }

  mutating func nextLine() -> LogicalLine? {
    while line < source.lines.count {
      let text = source.line(line).text
      if !text.isBlank, !text.isComment { return joined() }
      line += 1
    }
    return nil
  }

  private mutating func joined() -> LogicalLine {
    var joined = LogicalLine(at: fixedRange)
    var isFirst = true
    var hasEmptyLine = false
    while line < source.lines.count {
      let (text, start) = source.line(line)
      line += 1
      if !isFirst {
        if text.isComment { continue }
        if text.isBlank {
          if !hasEmptyLine { emptyContinuations.append(SourceRange(start, start)) }
          hasEmptyLine = true
          continue
        }
      }
      isFirst = false
      let kept = text.withoutContinuation(escape)
      joined.append(kept, at: start)
      if kept.count == text.count { break }
    }
    return joined
  }

  /// Reads the body of a here-document, which begins at the next line.
  mutating func document(_ marker: HereDocument.Marker) throws(DockerfileError) -> HereDocument {
    let first = line
    while line < source.lines.count {
      var text = source.line(line).text
      if marker.stripsTabs { text = text.drop { $0 == UInt8(ascii: "\t") } }
      line += 1
      guard text.elementsEqual(marker.name.utf8) else { continue }
      let start = source.lines[first].lowerBound
      let content = source.bytes[start..<source.lines[line - 1].lowerBound]
      return HereDocument(
        name: marker.name, marker: marker.text, expands: marker.expands,
        stripsTabs: marker.stripsTabs, rawContent: String(decoding: content, as: UTF8.self),
        range: marker.range)
    }
    throw .unterminatedDocument(marker.name, at: marker.range)
  }
}

extension ArraySlice<UInt8> {
  fileprivate var isBlank: Bool { allSatisfy(\.isBlank) }

  fileprivate var isComment: Bool { first { !$0.isBlank } == UInt8(ascii: "#") }

  /// Without an unescaped escape character at the end and the blanks behind it.
  fileprivate func withoutContinuation(_ escape: UInt8) -> ArraySlice<UInt8> {
    guard let last = lastIndex(where: { $0 != 0x20 && $0 != 0x09 }), self[last] == escape,
      last == startIndex || self[last - 1] != escape
    else { return self }
    return self[..<last]
  }
}
