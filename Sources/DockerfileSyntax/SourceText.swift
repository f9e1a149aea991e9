// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// A text file as it was read, with its name: what diagnostics quote from.
package struct SourceText: Hashable, Sendable {
  /// As the user wrote it; `-` is standard input.
  package let name: String
  package let bytes: [UInt8]
  /// The bytes of each line, with its line feed and what is before it.
  let lines: [Range<Int>]

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    var lines: [Range<Int>] = []
    var start = 0
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      lines.append(start..<(index + 1))
      start = index + 1
    }
    if start < bytes.count { lines.append(start..<bytes.count) }
    self.lines = lines
  }

  package init(name: String, text: String) { self.init(name: name, bytes: Array(text.utf8)) }

  /// The diagnostic with the file's name and the lines its range touches; unchanged when it has a
  /// location already.
  package func located(_ diagnostic: Diagnostic) -> Diagnostic {
    guard diagnostic.location == nil else { return diagnostic }
    var located = diagnostic
    located.location = Diagnostic.Location(
      file: name, range: diagnostic.range, lines: diagnostic.range.map(excerpt) ?? [])
    return located
  }

  private func excerpt(_ range: SourceRange) -> [String] {
    var last = range.end.line
    // A range that ends before the first byte of a line does not touch that line.
    if range.end.column <= 1, last > range.start.line { last -= 1 }
    guard range.start.line >= 1, range.start.line <= last else { return [] }
    let numbers = (range.start.line...min(last, range.start.line + 20)).filter { $0 <= lines.count }
    guard numbers.allSatisfy({ lines[$0 - 1].count <= Self.longestQuotedLine }) else { return [] }
    return numbers.map { Self.masking(text(ofLine: $0 - 1)) }
  }

  /// Of a longer one, an excerpt shows nothing to anybody.
  private static let longestQuotedLine = 4096

  /// With asterisks for what stands between `://` and `@`: it may be a password.
  private static func masking(_ line: String) -> String {
    guard line.contains("://"), line.contains("@") else { return line }
    var bytes = Array(line.utf8)
    var index = 0
    while index + 3 < bytes.count {
      defer { index += 1 }
      guard bytes[index...].starts(with: "://".utf8) else { continue }
      let start = index + 3
      let end =
        bytes[start...].firstIndex { "/?# \t\"'".utf8.contains($0) } ?? bytes.count
      guard let mark = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")) else { continue }
      for place in start..<mark { bytes[place] = UInt8(ascii: "*") }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Without its end of line.
  func text(ofLine index: Int) -> String {
    String(decoding: bytes[lines[index]].trimmingLineEnd, as: UTF8.self)
  }
}

extension ArraySlice<UInt8> {
  /// Without the line feed at the end and a carriage return before it.
  var trimmingLineEnd: ArraySlice<UInt8> {
    var slice = self
    if slice.last == UInt8(ascii: "\n") { slice.removeLast() }
    if slice.last == UInt8(ascii: "\r") { slice.removeLast() }
    return slice
  }
}

extension UInt8 {
  /// White space within a line.
  var isBlank: Bool {
    self == 0x20 || self == 0x09 || self == 0x0B || self == 0x0C || self == 0x0D
  }
}
