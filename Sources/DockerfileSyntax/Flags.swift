// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// `--name` or `--name=value` behind an instruction's keyword.
struct Flag: Hashable, Sendable {
  /// With its dashes.
  var name: String
  var value: Word?
  var range: SourceRange

  init(_ word: Word) {
    let parts = word.text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    range = word.range
    guard parts.count == 2 else { return }
    let start = name.utf8.count + 1
    var valueRange = word.range
    if word.range.start.line == word.range.end.line,
      word.range.end.column - word.range.start.column == word.text.utf8.count
    {
      valueRange.start.column += start
    }
    value = Word(text: String(parts[1]), range: valueRange)
  }
}

/// What an instruction does with a flag.
enum FlagUse: Hashable, Sendable {
  case value
  /// With a value each time.
  case repeatable
  /// `--flag`, `--flag=true` or `--flag=false`.
  case boolean
}

/// The flags of one instruction, checked against its table.
struct FlagValues {
  /// By name; a boolean one without value is `true`.
  private var words: [String: [Word]] = [:]

  /// - Throws: ``DockerfileError`` for a flag that `keyword` does not have or that lacks its value.
  init(_ flags: [Flag], of keyword: String) throws(DockerfileError) {
    let table = Self.table(keyword)
    for flag in flags {
      guard let use = table[flag.name] else {
        throw .unknownFlag(
          flag.name, of: keyword, near: nearest(to: flag.name, among: table.keys.sorted()),
          at: flag.range)
      }
      guard words[flag.name] == nil || use == .repeatable else {
        throw .repeatedFlag(flag.name, at: flag.range)
      }
      words[flag.name, default: []].append(try Self.value(of: flag, use))
    }
  }

  private static func value(of flag: Flag, _ use: FlagUse) throws(DockerfileError) -> Word {
    guard use == .boolean else {
      guard let value = flag.value, !value.text.isEmpty else {
        throw .flagWithoutValue(flag.name, at: flag.range)
      }
      return value
    }
    guard let value = flag.value else { return Word(text: "true", range: flag.range) }
    guard ["true", "false"].contains(value.text) else {
      throw .invalidFlagValue(
        value.text, flag: flag.name, expected: "true or false", at: value.range)
    }
    return value
  }

  subscript(name: String) -> Word? { words[name]?.first }

  func all(_ name: String) -> [Word] { words[name] ?? [] }

  func isOn(_ name: String) -> Bool? { self[name].map { $0.text == "true" } }

  /// The first by name.
  var first: (name: String, value: Word)? {
    words.min { $0.key < $1.key }.flatMap { flag in flag.value.first.map { (flag.key, $0) } }
  }

  /// Dockerfile reference, the options of each instruction.
  private static func table(_ keyword: String) -> [String: FlagUse] {
    switch keyword {
    case "FROM": ["--platform": .value]
    case "RUN":
      [
        "--mount": .repeatable, "--network": .value, "--security": .value, "--device": .repeatable,
      ]
    case "COPY":
      [
        "--from": .value, "--chown": .value, "--chmod": .value, "--link": .boolean,
        "--parents": .boolean, "--exclude": .repeatable,
      ]
    case "ADD":
      [
        "--chown": .value, "--chmod": .value, "--link": .boolean, "--exclude": .repeatable,
        "--checksum": .value, "--keep-git-dir": .boolean, "--unpack": .boolean,
      ]
    case "HEALTHCHECK":
      [
        "--interval": .value, "--timeout": .value, "--start-period": .value,
        "--start-interval": .value, "--retries": .value,
      ]
    default: [:]
    }
  }
}
