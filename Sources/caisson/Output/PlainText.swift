// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Output of a command as text that is safe on a terminal: escape sequences that colour or move
/// are left out, other control characters are made visible, bytes that are no UTF-8 are replaced.
func plainText(_ bytes: some Sequence<UInt8>) -> String {
  escapedForTerminal(String(decoding: withoutEscapeSequences(Array(bytes)), as: UTF8.self))
}

/// ECMA-48: `ESC [` up to a final byte, `ESC ]` up to BEL or `ESC \`, `ESC` and one more.
private func withoutEscapeSequences(_ bytes: [UInt8]) -> [UInt8] {
  guard bytes.contains(0x1B) else { return bytes }
  var kept: [UInt8] = []
  var rest = bytes[...]
  while let byte = rest.popFirst() {
    guard byte == 0x1B else {
      kept.append(byte)
      continue
    }
    switch rest.popFirst() {
    case UInt8(ascii: "["):
      while let next = rest.popFirst(), !(0x40...0x7E).contains(next) {}
    case UInt8(ascii: "]"):
      while let next = rest.popFirst(), next != 0x07 {
        if next == 0x1B {
          _ = rest.popFirst()
          break
        }
      }
    default: break
    }
  }
  return kept
}

/// Cuts a stream into lines. A carriage return starts the line anew, as progress bars want it.
struct LineSplitter: Hashable, Sendable {
  /// The line that has not ended yet.
  private(set) var unfinished: [UInt8] = []
  private var restarts = false

  /// A line that never ends is broken here.
  static let longestLine = 16 << 10

  /// - Returns: The lines that ended.
  mutating func add(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    for byte in bytes {
      if byte == 0x0A {
        lines.append(unfinished)
        unfinished = []
        restarts = false
      } else if byte == 0x0D {
        restarts = true
      } else {
        if restarts { unfinished = [] }
        restarts = false
        unfinished.append(byte)
        if unfinished.count >= Self.longestLine {
          lines.append(unfinished)
          unfinished = []
        }
      }
    }
    return lines
  }

  /// The last line, if it had no end.
  mutating func finish() -> [UInt8]? {
    defer { unfinished = [] }
    return unfinished.isEmpty ? nil : unfinished
  }
}

/// How many columns text takes: wide East Asian characters two, combining marks none.
func displayWidth(_ text: some StringProtocol) -> Int {
  text.unicodeScalars.reduce(0) { $0 + displayWidth($1) }
}

private func displayWidth(_ scalar: Unicode.Scalar) -> Int {
  switch scalar.value {
  case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F, 0x20D0...0x20FF: 0
  case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
    0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
    2
  default: 1
  }
}

/// `text` cut to `width` columns; what was cut shows as three dots. Tabs become blanks.
func truncated(_ text: String, to width: Int) -> String {
  let line = String(text.map { $0 == "\t" || $0.isNewline ? " " : $0 })
  guard displayWidth(line) > width else { return line }
  let dots = width > 3 ? "..." : ""
  var kept = ""
  var used = 0
  for character in line {
    let columns = displayWidth(String(character))
    if used + columns > width - dots.count { break }
    kept.append(character)
    used += columns
  }
  return kept + dots
}
