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
  /// The instruction needs its value.
  case value
  /// Understood and without effect on the result: any of these values will do. `nil` is none.
  case harmless([String?])
  /// Understood, but not carried out yet, unless it has one of these values.
  case notYet(unless: [String?])
}

extension InstructionParser {
  /// The flags of each instruction, as BuildKit knows them.
  static func flagTable(_ keyword: String) -> [String: FlagUse] {
    // A linked layer has the same files as another one.
    let link = FlagUse.harmless([nil, "true", "false"])
    let off = FlagUse.notYet(unless: ["false"])
    let never = FlagUse.notYet(unless: [])
    switch keyword {
    case "FROM": return ["--platform": .value]
    case "RUN":
      return [
        "--mount": never, "--network": .notYet(unless: ["default"]),
        "--security": .notYet(unless: ["sandbox"]), "--device": never,
      ]
    case "COPY":
      return [
        "--from": .value, "--chown": .value, "--chmod": .value, "--link": link, "--parents": off,
        "--exclude": never,
      ]
    case "ADD":
      return [
        "--chown": .value, "--chmod": .value, "--link": link, "--exclude": never,
        "--checksum": never, "--keep-git-dir": off, "--unpack": .notYet(unless: ["true"]),
      ]
    case "HEALTHCHECK":
      return [
        "--interval": .value, "--timeout": .value, "--start-period": .value,
        "--start-interval": .value, "--retries": .value,
      ]
    default: return [:]
    }
  }

  /// Checks the flags against the table.
  ///
  /// - Returns: The values of those that the instruction needs.
  static func values(_ flags: [Flag], of keyword: String) throws(DockerfileError) -> [String: Word]
  {
    let table = flagTable(keyword)
    var values: [String: Word] = [:]
    var seen: Set<String> = []
    for flag in flags {
      guard let use = table[flag.name] else {
        throw .unknownFlag(
          flag.name, of: keyword, near: nearest(to: flag.name, among: table.keys.sorted()),
          at: flag.range)
      }
      guard seen.insert(flag.name).inserted || flag.isRepeatable else {
        throw .repeatedFlag(flag.name, at: flag.range)
      }
      switch use {
      case .value:
        guard let value = flag.value, !value.text.isEmpty else {
          throw .flagWithoutValue(flag.name, at: flag.range)
        }
        values[flag.name] = value
      case .harmless(let allowed):
        guard allowed.contains(flag.value?.text) else {
          throw .invalidFlagValue(
            flag.value?.text ?? "", flag: flag.name,
            expected: allowed.compactMap { $0 }.joined(separator: " or "),
            at: flag.value?.range ?? flag.range)
        }
      case .notYet(let allowed):
        guard allowed.contains(flag.value?.text) else {
          let text = flag.value.map { "\(flag.name)=\($0.text)" } ?? flag.name
          throw .notCarriedOut("\(keyword) \(text)", at: flag.range)
        }
      }
    }
    return values
  }
}

extension Flag {
  fileprivate var isRepeatable: Bool { ["--mount", "--exclude", "--device"].contains(name) }
}
