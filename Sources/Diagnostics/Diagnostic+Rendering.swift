// SPDX-License-Identifier: Apache-2.0

extension Diagnostic {
  /// The lines a person reads: message, place, excerpt with carets, notes and help.
  package func rendered() -> String {
    var lines = ["\(severity.rawValue): \(escapedForTerminal(message))"]
    if let location {
      lines += place(location)
    }
    let margin = location?.range == nil ? "  " : excerptMargin
    lines += notes.map { "\(margin)= note: \(escapedForTerminal($0))" }
    if let help { lines.append("\(margin)= help: \(escapedForTerminal(help))") }
    return lines.joined(separator: "\n")
  }

  /// Blanks as wide as the largest line number of the excerpt.
  private var excerptMargin: String {
    guard let range = location?.range else { return "" }
    let last = max(range.end.line, range.start.line)
    return String(repeating: " ", count: String(last).utf8.count)
  }

  private func place(_ location: Location) -> [String] {
    let file = escapedForTerminal(location.file)
    guard let range = location.range else { return ["  --> \(file)"] }
    let margin = excerptMargin
    var lines = ["\(margin)--> \(file):\(range.start.line):\(range.start.column)"]
    guard !location.lines.isEmpty else { return lines }
    lines.append("\(margin) |")
    for (offset, text) in location.lines.prefix(Self.longestExcerpt).enumerated() {
      let number = range.start.line + offset
      let label = String(number)
      let pad = String(repeating: " ", count: max(0, margin.utf8.count - label.utf8.count))
      lines.append("\(pad)\(label) | \(escapedForTerminal(text))")
      if let carets = carets(under: text, number: number, range: range) {
        lines.append("\(margin) | \(carets)")
      }
    }
    if location.lines.count > Self.longestExcerpt { lines.append("\(margin) | ...") }
    return lines
  }

  private static let longestExcerpt = 6

  private func carets(under text: String, number: Int, range: SourceRange) -> String? {
    let bytes = Array(text.utf8)
    let from = number == range.start.line ? max(0, range.start.column - 1) : 0
    let end = number == range.end.line ? range.end.column - 1 : bytes.count
    guard from <= bytes.count else { return nil }
    let to = min(max(from, end), bytes.count)
    // Tabs stay tabs, so that the carets stand below their text whatever a tab is wide.
    let lead = String(decoding: bytes[..<from], as: UTF8.self)
      .map { $0 == "\t" ? "\t" : " " }.joined()
    let marked = String(decoding: bytes[from..<to], as: UTF8.self)
    return lead + String(repeating: "^", count: max(1, marked.count))
  }
}

/// Text from outside with control characters made visible, so that it cannot drive a terminal.
package func escapedForTerminal(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isDangerous) else { return text }
  var out = ""
  for scalar in text.unicodeScalars {
    if isDangerous(scalar) {
      out += "\\u{" + String(scalar.value, radix: 16) + "}"
    } else {
      out.unicodeScalars.append(scalar)
    }
  }
  return out
}

/// C0 and C1 controls (tab and newline excepted) and the bidirectional overrides.
private func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x09, 0x0A: false
  case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069: true
  default: false
  }
}
