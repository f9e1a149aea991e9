// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// A JSON array of strings, as `CMD ["a", "b"]` has it.
enum ExecForm {
  /// Not an array at all: then it is text for a shell.
  case notJSON
  /// An array, but not of strings only.
  case notStrings(SourceRange)
  case strings([Word])

  init(_ line: LogicalLine, _ offsets: Range<Int>) {
    var reader = Reader(line: line, index: offsets.lowerBound, end: offsets.upperBound)
    self = reader.array() ?? .notJSON
  }

  /// RFC 8259, strings and arrays; positions are kept, which a JSON library would lose.
  private struct Reader {
    let line: LogicalLine
    var index: Int
    let end: Int

    private var next: UInt8? { index < end ? line.bytes[index] : nil }

    private mutating func skipBlanks() {
      while let byte = next, byte.isBlank { index += 1 }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
      skipBlanks()
      guard next == UInt8(ascii: character) else { return false }
      index += 1
      return true
    }

    mutating func array() -> ExecForm? {
      guard skip("[") else { return nil }
      var words: [Word] = []
      var stranger: SourceRange?
      if !skip("]") {
        repeat {
          skipBlanks()
          let start = index
          if let text = string() {
            words.append(Word(text: text, range: line.range(start..<index)))
          } else if skipScalar() {
            stranger = stranger ?? line.range(start..<index)
          } else {
            return nil
          }
        } while skip(",")
        guard skip("]") else { return nil }
      }
      skipBlanks()
      guard index == end else { return nil }
      return stranger.map(ExecForm.notStrings) ?? .strings(words)
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipScalar() -> Bool {
      let start = index
      while let byte = next, byte.isASCIILetter || "+-.0123456789".utf8.contains(byte) {
        index += 1
      }
      let text = line.text(start..<index)
      return ["true", "false", "null"].contains(text) || Double(text) != nil
    }

    private mutating func string() -> String? {
      guard next == UInt8(ascii: "\"") else { return nil }
      index += 1
      var text: [UInt8] = []
      while let byte = next {
        index += 1
        switch byte {
        case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escaped() else { return nil }
          text += UTF8.encode(scalar).map(Array.init) ?? []
        case 0..<0x20: return nil
        default: text.append(byte)
        }
      }
      return nil
    }

    private mutating func escaped() -> Unicode.Scalar? {
      guard let byte = next else { return nil }
      index += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"): return unicodeEscape()
      default: return nil
      }
    }

    private mutating func unicodeEscape() -> Unicode.Scalar? {
      guard let high = hexadecimal() else { return nil }
      guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
      let rest = index
      guard next == UInt8(ascii: "\\") else { return "\u{FFFD}" }
      index += 1
      guard next == UInt8(ascii: "u") else {
        index = rest
        return "\u{FFFD}"
      }
      index += 1
      guard let low = hexadecimal() else { return nil }
      guard (0xDC00..<0xE000).contains(low) else {
        index = rest
        return "\u{FFFD}"
      }
      return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
    }

    private mutating func hexadecimal() -> UInt32? {
      guard end - index >= 4 else { return nil }
      let digits = line.bytes[index..<(index + 4)]
      guard digits.allSatisfy(\.isHexadecimal) else { return nil }
      index += 4
      return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
  }
}

extension UInt8 {
  fileprivate var isHexadecimal: Bool {
    (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
  }
}
