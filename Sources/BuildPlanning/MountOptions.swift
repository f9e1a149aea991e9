// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

/// The fields of one `--mount`, expanded; each is taken once, and what is left over is an error.
struct MountOptions {
  enum Kind: String, CaseIterable {
    case bind, cache, secret, ssh, tmpfs
  }

  struct Value {
    var text: String
    var range: SourceRange
  }

  let kind: Kind
  private let keys: [MountFlag.Field]
  private var values: [String: Value] = [:]
  private let range: SourceRange

  /// - Parameter expand: Replaces variables.
  init(_ flag: MountFlag, expand: (Word) throws -> String) throws {
    range = flag.range
    keys = flag.fields
    for field in flag.fields {
      guard values[field.key] == nil else {
        throw PlanningError.repeatedMountOption(field.key, at: field.range)
      }
      let text = try field.value.map(expand) ?? "true"
      values[field.key] = Value(text: text, range: field.value?.range ?? field.range)
    }
    let type = values.removeValue(forKey: "type")
    guard let kind = Kind(rawValue: type?.text ?? "bind") else {
      let text = type?.text ?? ""
      throw PlanningError.unknownMountType(
        text, near: nearest(to: text, among: Kind.allCases.map(\.rawValue)),
        at: type?.range ?? range)
    }
    self.kind = kind
  }

  mutating func text(_ key: String) -> String? {
    guard let value = values.removeValue(forKey: key), !value.text.isEmpty else { return nil }
    return value.text
  }

  /// - Throws: ``PlanningError/missingMountOption(_:type:at:)``
  mutating func required(_ key: String) throws -> String {
    guard let text = text(key) else {
      throw PlanningError.missingMountOption(key, type: kind.rawValue, at: range)
    }
    return text
  }

  mutating func flag(_ key: String) throws -> Bool? {
    try parsed(key, expected: "true or false") { text in
      switch text.lowercased() {
      case "true", "t", "1": true
      case "false", "f", "0": false
      default: nil
      }
    }
  }

  mutating func id(_ key: String) throws -> UInt32 {
    try parsed(key, expected: "a number") { text in
      UInt32(text).flatMap { $0 == .max ? nil : $0 }
    } ?? 0
  }

  mutating func mode(default standard: UInt32) throws -> UInt32 {
    try parsed("mode", expected: "octal digits, as in 0400") { text in
      UInt32(text, radix: 8).flatMap { $0 <= 0o7777 ? $0 : nil }
    } ?? standard
  }

  /// Read-only unless said otherwise for what is not the command's own.
  mutating func isReadOnly(default standard: Bool) throws -> Bool {
    let readOnly = try flag("readonly")
    let writable = try flag("readwrite")
    return readOnly ?? writable.map { !$0 } ?? standard
  }

  mutating func sharing() throws -> RunMount.Cache.Sharing {
    try parsed("sharing", expected: "shared, private or locked") {
      RunMount.Cache.Sharing(rawValue: $0)
    } ?? .shared
  }

  mutating func size() throws -> Int64? {
    try parsed("size", expected: "a size, as in 64m or 1g") { sizeInBytes($0) }
  }

  private mutating func parsed<Result>(
    _ key: String, expected: String, _ parse: (String) -> Result?
  ) throws -> Result? {
    guard let value = values.removeValue(forKey: key) else { return nil }
    guard let result = parse(value.text) else {
      throw PlanningError.invalidMountOption(
        key, value.text, expected: expected, at: value.range)
    }
    return result
  }

  /// - Throws: ``PlanningError/surplusMountOption(_:type:at:)`` for a field nobody took.
  func finish() throws {
    guard let surplus = keys.first(where: { values[$0.key] != nil }) else { return }
    throw PlanningError.surplusMountOption(surplus.key, type: kind.rawValue, at: surplus.range)
  }
}

/// `64m`, `1g`, `512kb`, `1.5GiB`, `4096`: powers of 1024; nil for anything else.
package func sizeInBytes(_ text: String) -> Int64? {
  let units: [Character: Double] = [
    "k": 0x1p10, "m": 0x1p20, "g": 0x1p30, "t": 0x1p40, "p": 0x1p50,
  ]
  var rest = Substring(text.lowercased())
  let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
  rest = rest.dropFirst(number.count).drop { $0 == " " }
  guard let value = Double(number) else { return nil }
  var factor = 1.0
  if let unit = rest.first.flatMap({ units[$0] }) {
    factor = unit
    rest = rest.dropFirst()
    if rest.hasPrefix("i") { rest = rest.dropFirst() }
  }
  guard rest.isEmpty || rest == "b", value * factor < 9e18 else { return nil }
  return Int64(value * factor)
}
