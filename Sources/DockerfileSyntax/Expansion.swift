// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Replaces variables in words as Docker does: POSIX parameter expansion, and quotes.
///
/// `$v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?m} ${v?m} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r}
/// ${v//p/r} ${v/#p/r} ${v/%p/r}`; the words behind modifiers are expanded too, needed or not.
/// Dockerfile reference, "Environment replacement".
package struct Expansion {
  package enum Quotes: Hashable, Sendable {
    /// They keep blanks together and are taken away.
    case removed
    /// They are ordinary characters, as in here-documents.
    case ordinary
  }

  package var variables: [String: String]
  /// Protects the character behind it.
  package var escape: UInt8
  package var quotes: Quotes

  package init(
    variables: [String: String], escape: UInt8 = UInt8(ascii: "\\"), quotes: Quotes = .removed
  ) {
    self.variables = variables
    self.escape = escape
    self.quotes = quotes
  }

  package static let longestResult = 1 << 20
  static let deepestNesting = 64

  package func expand(_ text: String) throws(ExpansionError) -> String {
    var reader = WordReader(expansion: self, bytes: Array(text.utf8))
    let result = try reader.read(until: nil, keepsEscapes: false)
    return String(decoding: result, as: UTF8.self)
  }

  /// - Throws: ``DockerfileError/expansion(_:at:)`` with the place of the fault.
  package func expand(_ word: Word) throws(DockerfileError) -> String {
    do {
      return try expand(word.text)
    } catch {
      throw .expansion(error, at: word.range(at: error.offset))
    }
  }
}

/// Goes through a word once, from left to right.
private struct WordReader {
  let expansion: Expansion
  let bytes: [UInt8]
  var index = 0
  var depth = 0

  init(expansion: Expansion, bytes: [UInt8]) {
    self.expansion = expansion
    self.bytes = bytes
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private func failure(_ reason: ExpansionError.Reason, at offset: Int) -> ExpansionError {
    ExpansionError(reason: reason, offset: offset)
  }

  private func checkLength(_ result: [UInt8]) throws(ExpansionError) {
    guard result.count <= Expansion.longestResult else {
      throw failure(.tooLong(limitInBytes: Expansion.longestResult), at: 0)
    }
  }

  /// - Parameter end: The unquoted byte to stop behind; nil for the end of the word.
  mutating func read(until end: UInt8?, keepsEscapes: Bool) throws(ExpansionError) -> [UInt8] {
    var result: [UInt8] = []
    while let byte = next {
      if byte == end {
        index += 1
        return result
      }
      switch byte {
      case UInt8(ascii: "$"):
        result += try substitution(keepsEscapes: keepsEscapes)
        try checkLength(result)
      case UInt8(ascii: "'") where expansion.quotes == .removed:
        result += try singleQuoted()
      case UInt8(ascii: "\"") where expansion.quotes == .removed:
        result += try doubleQuoted(keepsEscapes: keepsEscapes)
        try checkLength(result)
      case expansion.escape:
        index += 1
        if keepsEscapes { result.append(byte) }
        if let protected = next {
          result.append(protected)
          index += 1
        }
      default:
        result.append(byte)
        index += 1
      }
    }
    if end != nil { throw failure(.unterminatedSubstitution, at: max(0, bytes.count - 1)) }
    return result
  }

  private mutating func singleQuoted() throws(ExpansionError) -> [UInt8] {
    let start = index
    index += 1
    guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "'")) else {
      throw failure(.unterminatedQuote("'"), at: start)
    }
    defer { index = end + 1 }
    return Array(bytes[index..<end])
  }

  private mutating func doubleQuoted(keepsEscapes: Bool) throws(ExpansionError) -> [UInt8] {
    let start = index
    index += 1
    var result: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return result
      case UInt8(ascii: "$"):
        result += try substitution(keepsEscapes: keepsEscapes)
      case expansion.escape:
        index += 1
        if keepsEscapes { result.append(byte) }
        guard let protected = next else { continue }
        let isSpecial =
          protected == UInt8(ascii: "\"") || protected == UInt8(ascii: "$") || protected == byte
        if isSpecial { index += 1 }
        result.append(isSpecial ? protected : byte)
      default:
        result.append(byte)
        index += 1
      }
    }
    throw failure(.unterminatedQuote("\""), at: start)
  }

  /// At a dollar sign.
  private mutating func substitution(keepsEscapes: Bool) throws(ExpansionError) -> [UInt8] {
    let start = index
    index += 1
    guard next == UInt8(ascii: "{") else {
      let name = readName()
      return name.isEmpty ? [UInt8(ascii: "$")] : Array((expansion.variables[name] ?? "").utf8)
    }
    index += 1
    depth += 1
    defer { depth -= 1 }
    guard depth <= Expansion.deepestNesting else { throw failure(.nestedTooDeeply, at: start) }
    let name = readName()
    guard let operation = next else { throw failure(.unterminatedSubstitution, at: start) }
    guard !name.isEmpty else { throw failure(.badSubstitution, at: start) }
    index += 1
    switch operation {
    case UInt8(ascii: "}"): return Array((expansion.variables[name] ?? "").utf8)
    case UInt8(ascii: ":"): return try conditional(name, from: start)
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "?"):
      return try choose(operation, name, emptyIsUnset: false, from: start)
    case UInt8(ascii: "#"), UInt8(ascii: "%"): return try trim(operation, name, from: start)
    case UInt8(ascii: "/"): return try replace(name, from: start)
    default: throw unsupported(bytes[(index - 1)..<index], at: index - 1)
    }
  }

  private func unsupported(_ modifier: ArraySlice<UInt8>, at offset: Int) -> ExpansionError {
    failure(.unsupportedModifier(String(decoding: modifier, as: UTF8.self)), at: offset)
  }

  private mutating func readName() -> String {
    let start = index
    guard let first = next else { return "" }
    if first.isDigit {
      while let byte = next, byte.isDigit { index += 1 }
    } else if first.isSpecialParameter {
      index += 1
    } else {
      while let byte = next, byte.isDigit || byte.isLetterOrUnderscore { index += 1 }
    }
    return String(decoding: bytes[start..<index], as: UTF8.self)
  }

  private mutating func conditional(_ name: String, from start: Int) throws(ExpansionError)
    -> [UInt8]
  {
    guard let operation = next else { throw failure(.unterminatedSubstitution, at: start) }
    guard [UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "?")].contains(operation) else {
      throw unsupported(bytes[(index - 1)...index], at: index - 1)
    }
    index += 1
    return try choose(operation, name, emptyIsUnset: true, from: start)
  }

  private mutating func operand(until end: UInt8, keepsEscapes: Bool, from start: Int)
    throws(ExpansionError) -> String
  {
    do {
      return String(decoding: try read(until: end, keepsEscapes: keepsEscapes), as: UTF8.self)
    } catch {
      guard error.reason == .unterminatedSubstitution else { throw error }
      throw failure(.unterminatedSubstitution, at: start)
    }
  }

  private mutating func choose(
    _ operation: UInt8, _ name: String, emptyIsUnset: Bool, from start: Int
  ) throws(ExpansionError) -> [UInt8] {
    let word = try operand(until: UInt8(ascii: "}"), keepsEscapes: false, from: start)
    let value = expansion.variables[name]
    let isSet = value.map { !emptyIsUnset || !$0.isEmpty } ?? false
    switch operation {
    case UInt8(ascii: "-"): return Array((isSet ? value ?? "" : word).utf8)
    case UInt8(ascii: "+"): return isSet ? Array(word.utf8) : []
    default:
      guard isSet, let value else {
        let standard = value == nil ? "is not allowed to be unset" : "is not allowed to be empty"
        throw failure(.required(name: name, message: word.isEmpty ? standard : word), at: start)
      }
      return Array(value.utf8)
    }
  }

  private mutating func trim(_ operation: UInt8, _ name: String, from start: Int)
    throws(ExpansionError) -> [UInt8]
  {
    let isLongest = next == operation
    if isLongest { index += 1 }
    let text = try operand(until: UInt8(ascii: "}"), keepsEscapes: true, from: start)
    let value = expansion.variables[name] ?? ""
    return try withPattern(text, at: start) { (pattern) throws(ShellPattern.Failure) in
      operation == UInt8(ascii: "#")
        ? try pattern.removingPrefix(of: value, longest: isLongest)
        : try pattern.removingSuffix(of: value, longest: isLongest)
    }
  }

  private mutating func replace(_ name: String, from start: Int) throws(ExpansionError) -> [UInt8] {
    let anchor = next
    let isAnchored = anchor == UInt8(ascii: "#") || anchor == UInt8(ascii: "%")
    let everywhere = anchor == UInt8(ascii: "/")
    if everywhere || isAnchored { index += 1 }
    let text = try operand(until: UInt8(ascii: "/"), keepsEscapes: true, from: start)
    let replacement = try operand(until: UInt8(ascii: "}"), keepsEscapes: true, from: start)
    let value = expansion.variables[name] ?? ""
    return try withPattern(text, at: start) { (pattern) throws(ShellPattern.Failure) in
      if anchor == UInt8(ascii: "#") {
        return try pattern.replacingPrefix(of: value, with: replacement)
      }
      if anchor == UInt8(ascii: "%") {
        return try pattern.replacingSuffix(of: value, with: replacement)
      }
      return try pattern.replacing(in: value, with: replacement, everywhere: everywhere)
    }
  }

  private func withPattern(
    _ text: String, at offset: Int,
    _ body: (ShellPattern) throws(ShellPattern.Failure) -> String
  ) throws(ExpansionError) -> [UInt8] {
    do {
      return Array(try body(try ShellPattern(text)).utf8)
    } catch {
      switch error {
      case .invalidEscape: throw failure(.invalidPattern(text), at: offset)
      case .tooLong:
        throw failure(.tooLong(limitInBytes: Expansion.longestResult), at: offset)
      }
    }
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }

  fileprivate var isLetterOrUnderscore: Bool {
    (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) || self == 0x5F
  }

  /// The shell's own parameters; none is ever set here.
  fileprivate var isSpecialParameter: Bool { "@*#?-$!".utf8.contains(self) }
}
