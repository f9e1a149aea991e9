// SPDX-License-Identifier: Apache-2.0

/// A character of a path: a Unicode scalar, or a byte that is not part of one.
enum UTF8Unit {
  /// Bytes that are not UTF-8 are numbered from here, where no scalar is.
  private static let strayBytes: UInt32 = 0x11_0000

  /// The unit that begins at `index`, and how many bytes it has.
  static func decode(_ bytes: [UInt8], at index: Int) -> (unit: UInt32, width: Int) {

    let first = bytes[index]
    guard first >= 0x80 else { return (UInt32(first), 1) }
    var decoder = UTF8()
    var rest = bytes[index...].prefix(4).makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&rest) else {
      return (strayBytes + UInt32(first), 1)
    }
    return (scalar.value, UTF8.width(scalar))
  }

  static func encode(_ unit: UInt32) -> [UInt8] {
    guard let scalar = Unicode.Scalar(unit) else { return [UInt8(truncatingIfNeeded: unit)] }
    return Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}

/// A part of a glob that stands for characters of a path.
enum GlobToken: Hashable, Sendable {
  case unit(UInt32)
  /// `?`: any but a slash.
  case anyUnit
  /// `[...]`: never a slash.
  case oneOf([ClosedRange<UInt32>], negated: Bool)
  /// `*`: any number of characters other than slashes.
  case star
  /// `**/`: directories, or nothing.
  case directories
  /// `**` at the end.
  case anything

  var literal: UInt32? { if case .unit(let unit) = self { unit } else { nil } }

  static let slash = UInt32(UInt8(ascii: "/"))

  func matches(_ unit: UInt32) -> Bool {
    switch self {
    case .unit(let own): unit == own
    case .anyUnit: unit != Self.slash
    case .oneOf(let ranges, let negated):
      unit != Self.slash && ranges.contains { $0.contains(unit) } != negated
    case .directories: unit == Self.slash
    case .star, .anything: false
    }
  }

  static func parse(_ text: [UInt8]) throws(PathPatternError) -> [GlobToken] {
    var parser = GlobParser(text: text)
    return try parser.tokens()
  }
}

private struct GlobParser {
  let text: [UInt8]
  private var index = 0

  init(text: [UInt8]) { self.text = text }

  private var isAtEnd: Bool { index >= text.count }

  mutating func tokens() throws(PathPatternError) -> [GlobToken] {
    var tokens: [GlobToken] = []
    while !isAtEnd {
      switch text[index] {
      case UInt8(ascii: "*"): tokens.append(stars())
      case UInt8(ascii: "?"):
        index += 1
        tokens.append(.anyUnit)
      case UInt8(ascii: "["): tokens.append(try characterClass())
      case UInt8(ascii: "\\"): tokens.append(.unit(try escaped()))
      default: tokens.append(.unit(unit()))
      }
    }
    return tokens
  }

  private mutating func unit() -> UInt32 {
    let (unit, width) = UTF8Unit.decode(text, at: index)
    index += width
    return unit
  }

  private mutating func escaped() throws(PathPatternError) -> UInt32 {
    index += 1
    guard !isAtEnd else { throw PathPatternError(reason: .trailingEscape, offset: index - 1) }
    return unit()
  }

  private mutating func stars() -> GlobToken {
    index += 1
    guard skip("*") else { return .star }
    _ = skip("/")
    return isAtEnd ? .anything : .directories
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard !isAtEnd, text[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func characterClass() throws(PathPatternError) -> GlobToken {
    let start = index
    index += 1
    let negated = skip("^")
    var ranges: [ClosedRange<UInt32>] = []
    while ranges.isEmpty || !skip("]") {
      let low = try member(from: start)
      let high = skip("-") ? try member(from: start) : low
      // As in Go, a range from high to low is no error, and empty.
      ranges.append(low <= high ? low...high : UInt32.max...UInt32.max)
    }
    return .oneOf(ranges, negated: negated)
  }

  private mutating func member(from start: Int) throws(PathPatternError) -> UInt32 {
    guard !isAtEnd, text[index] != UInt8(ascii: "-"), text[index] != UInt8(ascii: "]") else {
      throw PathPatternError(reason: .malformedClass, offset: start)
    }
    return text[index] == UInt8(ascii: "\\") ? try escaped() : unit()
  }
}
