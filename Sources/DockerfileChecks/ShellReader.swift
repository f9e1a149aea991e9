// SPDX-License-Identifier: Apache-2.0

/// Splits a text for a POSIX shell into commands, as far as words and operators go.
///
/// What is in `$( )` and backquotes stays part of its word.
struct ShellReader {
  private let bytes: [UInt8]
  private var index = 0
  private var word: [UInt8] = []
  private var hasWord = false
  private var words: [String] = []
  private var commands: [ShellCommand] = []

  static func commands(in text: String) -> [ShellCommand] {
    var reader = ShellReader(text)
    reader.read()
    return reader.commands
  }

  private init(_ text: String) { bytes = Array(text.utf8) }

  private mutating func read() {
    while index < bytes.count {
      let byte = bytes[index]
      switch byte {
      case UInt8(ascii: "\\"): takeEscaped()
      case UInt8(ascii: "'"): takeQuoted(until: byte, escapes: false)
      case UInt8(ascii: "\""): takeQuoted(until: byte, escapes: true)
      case UInt8(ascii: "`"): takeRaw(until: byte)
      case UInt8(ascii: "$") where next == UInt8(ascii: "("),
        UInt8(ascii: "<") where next == UInt8(ascii: "("):
        takeSubstitution()
      case UInt8(ascii: "#") where !hasWord: skipComment()
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        endWord()
        index += 1
      case UInt8(ascii: "&") where isRedirection: append(byte)
      case UInt8(ascii: "&"), UInt8(ascii: "|"), UInt8(ascii: ";"), UInt8(ascii: "\n"),
        UInt8(ascii: "("), UInt8(ascii: ")"):
        takeOperator(byte)
      default: append(byte)
      }
    }
    endCommand(isPiped: false)
  }

  private var next: UInt8? { index + 1 < bytes.count ? bytes[index + 1] : nil }

  /// `2>&1`, `&>file`.
  private var isRedirection: Bool {
    next == UInt8(ascii: ">") || word.last == UInt8(ascii: ">") || word.last == UInt8(ascii: "<")
  }

  private mutating func append(_ byte: UInt8) {
    word.append(byte)
    hasWord = true
    index += 1
  }

  private mutating func takeEscaped() {
    index += 1
    guard index < bytes.count else { return }
    if bytes[index] == UInt8(ascii: "\n") { index += 1 } else { append(bytes[index]) }
  }

  private mutating func takeQuoted(until end: UInt8, escapes: Bool) {
    hasWord = true
    index += 1
    while index < bytes.count, bytes[index] != end {
      if escapes, bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
      append(bytes[index])
    }
    index += 1
  }

  private mutating func takeRaw(until end: UInt8) {
    append(bytes[index])
    while index < bytes.count, bytes[index] != end { append(bytes[index]) }
    if index < bytes.count { append(bytes[index]) }
  }

  private mutating func takeSubstitution() {
    var depth = 0
    repeat {
      if bytes[index] == UInt8(ascii: "(") { depth += 1 }
      if bytes[index] == UInt8(ascii: ")") { depth -= 1 }
      append(bytes[index])
    } while index < bytes.count && (depth > 0 || bytes[index - 1] != UInt8(ascii: ")"))
  }

  private mutating func skipComment() {
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
  }

  private mutating func takeOperator(_ byte: UInt8) {
    let isDoubled = next == byte && (byte == UInt8(ascii: "|") || byte == UInt8(ascii: "&"))
    let isPipe = byte == UInt8(ascii: "|") && !isDoubled
    index += isDoubled || isPipe && next == UInt8(ascii: "&") ? 2 : 1
    endCommand(isPiped: isPipe)
  }

  private mutating func endWord() {
    if hasWord { words.append(String(decoding: word, as: UTF8.self)) }
    word.removeAll(keepingCapacity: true)
    hasWord = false
  }

  private mutating func endCommand(isPiped: Bool) {
    endWord()
    if let command = ShellCommand(raw: words, isPiped: isPiped) { commands.append(command) }
    words.removeAll(keepingCapacity: true)
  }
}
