// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About capitals, and lines that look like something else than they are.
  static let casingRules = [fromAsCasing, consistentInstructionCasing, noEmptyContinuation]

  private static let fromAsCasing = Rule(
    "FromAsCasing", .buildKit, "FROM and AS are not written alike"
  ) { file in
    file.stages.compactMap { stage in
      guard let word = stage.from.nameKeyword, let from = Case(stage.source.keyword.text),
        word.text != from.applied(to: word.text)
      else { return nil }
      return Remark(
        "\"\(word.text)\" is not written like \"\(stage.source.keyword.text)\"", at: word.range,
        help: "write: \(from.applied(to: word.text))")
    }
  }

  private static let consistentInstructionCasing = Rule(
    "ConsistentInstructionCasing", .buildKit, "instructions are not all in capitals, or all not"
  ) { file in
    let keywords = file.stages.flatMap { stage in
      [stage.source.keyword] + stage.instructions.map(\.keyword)
    }
    let cases = keywords.compactMap { Case($0.text) }
    let lower = cases.count { $0 == .lower }
    let majority = lower > cases.count - lower ? Case.lower : .upper
    return keywords.compactMap { keyword in
      let expected = majority.applied(to: keyword.text)
      guard keyword.text != expected else { return nil }
      return Remark(
        "\"\(keyword.text)\" is not written like the other instructions", at: keyword.range,
        help: "write: \(expected)")
    }
  }

  private static let noEmptyContinuation = Rule(
    "NoEmptyContinuation", .buildKit, "an empty line is inside an instruction"
  ) { file in
    file.file.emptyContinuations.map { range in
      Remark(
        "empty line inside an instruction", at: range,
        help: "remove it, or the continuation before it")
    }
  }
}

/// How a keyword is written.
private enum Case: Equatable {
  case lower, upper

  /// Nil when it is written both ways.
  init?(_ word: String) {
    if word == word.lowercased() {
      self = .lower
    } else if word == word.uppercased() {
      self = .upper
    } else {
      return nil
    }
  }

  func applied(to word: String) -> String {
    self == .lower ? word.lowercased() : word.uppercased()
  }
}
