// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

/// A `RUN` whose commands are known.
struct CheckedRun: Sendable {
  var run: Run
  var commands: [ShellCommand]
  /// What to point at: the first line of the instruction.
  var range: SourceRange
}

extension CheckedDockerfile {
  /// The `RUN`s of a stage that a POSIX shell, or nothing, interprets.
  func runs(of stage: CheckedStage) -> [CheckedRun] {
    var shell = stage.shell
    var runs: [CheckedRun] = []
    for instruction in stage.instructions {
      if case .shell(let words) = instruction.body { shell = words.map(\.text) }
      guard case .run(let run) = instruction.body,
        let commands = run.commands(shell: shell ?? ["/bin/sh", "-c"])
      else { continue }
      runs.append(CheckedRun(run: run, commands: commands, range: instruction.firstLine))
    }
    return runs
  }

  var runs: [CheckedRun] { stages.flatMap(runs(of:)) }
}

extension Instruction {
  /// ``range``, or its keyword where it goes over several lines.
  var firstLine: SourceRange {
    range.start.line == range.end.line ? range : keyword.range
  }
}

extension Run {
  private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "zsh", "ksh"]

  static func isShell(_ program: String) -> Bool {
    shells.contains(program.split(separator: "/").last.map(String.init) ?? program)
  }

  /// - Returns: Nil when something else than a POSIX shell reads them.
  fileprivate func commands(shell: [String]) -> [ShellCommand]? {
    switch command {
    case .exec(let words):
      let texts = words.map(\.text)
      if texts.count == 3, Self.isShell(texts[0]), texts[1].hasPrefix("-"), texts[1].hasSuffix("c")
      {
        return ShellReader.commands(in: texts[2])
      }
      return ShellCommand(raw: texts, isPiped: false).map { [$0] } ?? []
    case .shell(let word):
      guard let program = shell.first, Self.isShell(program) else { return nil }
      guard let document = documents.first else { return ShellReader.commands(in: word.text) }
      return commands(in: document, line: word.text)
    }
  }

  /// A document is a script when nothing but its marker, or a shell, is on the line.
  private func commands(in document: HereDocument, line: String) -> [ShellCommand] {
    let content = document.content
    if line == document.marker {
      guard content.hasPrefix("#!") else { return ShellReader.commands(in: content) }
      let interpreter = content.dropFirst(2).prefix { $0 != "\n" }.split(separator: " ")
      let program =
        interpreter.first?.hasSuffix("/env") == true ? interpreter.last : interpreter.first
      return Self.isShell(program.map(String.init) ?? "") ? ShellReader.commands(in: content) : []
    }
    let rest = line.split(separator: " ").map(String.init).filter { $0 != document.marker }
    return rest.count == 1 && Self.isShell(rest[0]) ? ShellReader.commands(in: content) : []
  }
}
