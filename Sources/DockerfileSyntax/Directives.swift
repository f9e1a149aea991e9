// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// What the comments at the very top of a Dockerfile say about how to read it.
///
/// Dockerfile reference, "Parser directives".
package struct Directives: Hashable, Sendable {
  /// `\` or `` ` ``.
  package var escape = UInt8(ascii: "\\")
  /// As written: `docker/dockerfile:1`.
  package var syntax: Word?
  /// As written: `skip=all;error=true`.
  package var check: Word?

  package init() {}

  /// - Returns: The directives, and how many lines they take.
  static func parse(_ source: SourceText) throws(DockerfileError) -> (Directives, lineCount: Int) {
    var directives = Directives()
    var seen: Set<String> = []
    for index in source.lines.indices {
      guard let (name, value) = directive(source, line: index) else { return (directives, index) }
      let key = name.text.lowercased()
      switch key {
      case "escape": directives.escape = try escape(value)
      case "syntax":
        guard isBuiltIn(value.text) else { throw .foreignSyntax(value.text, at: value.range) }
        directives.syntax = value
      case "check": directives.check = value
      default: return (directives, index)
      }
      guard seen.insert(key).inserted else { throw .repeatedDirective(key, at: name.range) }
    }
    return (directives, source.lines.count)
  }

  /// Reads `# name = value`.
  private static func directive(_ source: SourceText, line index: Int) -> (Word, Word)? {
    let (text, start) = source.line(index)
    var line = LogicalLine()
    line.append(text, at: start)
    let all = line.trimmed(0..<line.count)
    guard let hash = all.first, line.bytes[hash] == UInt8(ascii: "#"),
      let equals = all.first(where: { line.bytes[$0] == UInt8(ascii: "=") })
    else { return nil }
    let name = line.trimmed((hash + 1)..<equals)
    let value = line.trimmed((equals + 1)..<all.upperBound)
    guard !name.isEmpty, !value.isEmpty, line.bytes[name].allSatisfy(\.isASCIILetter) else {
      return nil
    }
    return (line.word(name), line.word(value))
  }

  private static func escape(_ value: Word) throws(DockerfileError) -> UInt8 {
    guard value.text == "\\" || value.text == "`", let byte = value.text.utf8.first else {
      throw .invalidEscapeDirective(value.text, at: value.range)
    }
    return byte
  }

  /// Docker's own syntax images, whatever their version: their language is what this program reads.
  private static func isBuiltIn(_ image: String) -> Bool {
    var name = Substring(image)
    for host in ["docker.io/", "index.docker.io/"] where name.hasPrefix(host) {
      name = name.dropFirst(host.count)
    }
    guard name.hasPrefix("docker/dockerfile") else { return false }
    return name.dropFirst("docker/dockerfile".count).first.map { ":@-".contains($0) } ?? true
  }
}

extension UInt8 {
  var isASCIILetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
}

extension SourceText {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// A line without its end, and on the first line without a byte order mark.
  func line(_ index: Int) -> (text: ArraySlice<UInt8>, start: SourcePosition) {
    let text = bytes[lines[index]].trimmingLineEnd
    guard index == 0, text.starts(with: Self.byteOrderMark) else {
      return (text, SourcePosition(line: index + 1, column: 1))
    }
    let skipped = Self.byteOrderMark.count
    return (text.dropFirst(skipped), SourcePosition(line: 1, column: 1 + skipped))
  }
}
