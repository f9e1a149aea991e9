// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// A place in a word where a variable is named: `$v`, `${v}`, `${v:-w}`.
package struct VariableReference: Hashable, Sendable {
  package var name: String
  /// The word says what to do when the variable is not set: `:-`, `-`, `:+`, `+`, `:?` or `?`.
  package var handlesAbsence: Bool
  package var range: SourceRange
}

extension Word {
  /// In order, those in the words behind modifiers too. Nothing is found in single quotes.
  package func variables(escape: UInt8) -> [VariableReference] {
    let bytes = Array(text.utf8)
    var found: [VariableReference] = []
    var index = 0
    var isDoubleQuoted = false
    while index < bytes.count {
      switch bytes[index] {
      case escape: index += 2
      case UInt8(ascii: "\""):
        isDoubleQuoted.toggle()
        index += 1
      case UInt8(ascii: "'") where !isDoubleQuoted:
        let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "'")) ?? bytes.count
        index = end + 1
      case UInt8(ascii: "$"):
        let start = index
        let isBraced = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "{")
        index += isBraced ? 2 : 1
        let name = bytes[index...].prefix(while: \.isNameByte)
        index = name.endIndex
        guard let first = name.first, !(0x30...0x39).contains(first) else { continue }
        found.append(
          VariableReference(
            name: String(decoding: name, as: UTF8.self),
            handlesAbsence: isBraced && bytes[index...].startsWithModifier,
            range: range(of: start..<min(bytes.count, index + (isBraced ? 1 : 0)))))
      default: index += 1
      }
    }
    return found
  }
}

extension UInt8 {
  fileprivate var isNameByte: Bool {
    isASCIILetter || (0x30...0x39).contains(self) || self == UInt8(ascii: "_")
  }
}

extension ArraySlice<UInt8> {
  fileprivate var startsWithModifier: Bool {
    let operation = first == UInt8(ascii: ":") ? dropFirst().first : first
    return operation.map { "-+?".utf8.contains($0) } ?? false
  }
}
