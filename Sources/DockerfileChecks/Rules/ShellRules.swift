// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About what commands do.
  static let shellRules = [
    sudoInRun, pipeToShell, cdInsteadOfWorkdir, worldWritable, verificationOff,
  ]

  /// - Parameter message: Nil when there is nothing to say of the command.
  private static func remarks(
    _ file: CheckedDockerfile, help: String, _ message: (ShellCommand) -> String?
  ) -> [Remark] {
    file.runs.compactMap { run in
      run.commands.lazy.compactMap(message).first.map { Remark($0, at: run.range, help: help) }
    }
  }

  private static let sudoInRun = Rule(
    "SudoInRun", .caisson, "RUN uses sudo, which has nothing to do in an image"
  ) { file in
    remarks(file, help: "put USER root before the RUN, and the image's user behind it") { command in
      guard command.usesSudo else { return nil }
      return "sudo in RUN"
    }
  }

  private static let cdInsteadOfWorkdir = Rule(
    "CdInsteadOfWorkdir", .caisson, "a cd has no effect on later instructions"
  ) { file in
    file.runs.compactMap { run in
      guard run.commands.count == 1, let command = run.commands.first, command.program == "cd"
      else { return nil }
      return Remark(
        "cd alone has no effect: the next instruction begins in WORKDIR again", at: run.range,
        help: "write: WORKDIR \(command.arguments.first ?? "DIRECTORY")")
    }
  }

  private static let pipeToShell = Rule(
    "PipeToShell", .caisson, "a program from the network runs without having been checked"
  ) { file in
    file.runs.compactMap { run in
      guard let program = downloadedAndRun(run.commands) else { return nil }
      return Remark(
        "what is downloaded goes straight to \(program)", at: run.range,
        help: "download it to a file, compare its checksum, then run it")
    }
  }

  /// The program that runs it.
  private static func downloadedAndRun(_ commands: [ShellCommand]) -> String? {
    var isDownload = false
    for command in commands {
      if isDownload, command.readsProgramFromInput { return command.program }
      if ["curl", "wget"].contains(command.program) {
        isDownload = command.isPiped
      } else {
        isDownload = isDownload && command.isPiped
      }
      if Run.isShell(command.program), command.arguments.contains(where: isDownloadSubstitution) {
        return command.program
      }
    }
    return nil
  }

  private static func isDownloadSubstitution(_ word: String) -> Bool {
    ["$(curl ", "$(wget ", "<(curl ", "<(wget ", "`curl ", "`wget "].contains {
      word.hasPrefix($0)
    }
  }

  private static let worldWritable = Rule(
    "WorldWritable", .caisson, "everyone in the container may change files"
  ) { file in
    let help = "give them to the user that needs them, with chown or --chown"
    let copies = file.stageInstructions.compactMap { _, instruction -> Remark? in
      let mode: Word?
      switch instruction.body {
      case .copy(let copy), .add(let copy): mode = copy.mode
      default: mode = nil
      }
      guard let mode, letsEveryoneWrite(unquoted(mode.text)) else { return nil }
      return Remark("--chmod=\(mode.text) lets everyone write", at: mode.range, help: help)
    }
    return copies
      + remarks(file, help: help) { command in
        guard command.program == "chmod",
          let mode = command.arguments.first(where: { !$0.hasPrefix("-") || $0.count < 2 }),
          letsEveryoneWrite(mode)
        else { return nil }
        return "chmod \(mode) lets everyone write"
      }
  }

  /// Not where the sticky bit keeps files apart, as in `/tmp`.
  private static func letsEveryoneWrite(_ mode: String) -> Bool {
    if let number = UInt32(mode, radix: 8) { return number & 0o2 != 0 && number & 0o1000 == 0 }
    guard !mode.contains("t") else { return false }
    return mode.split(separator: ",").contains { clause in
      let who = clause.prefix { "ugoa".contains($0) }
      guard who.contains("o") || who.contains("a") else { return false }
      let rest = clause.dropFirst(who.count)
      return (rest.first == "+" || rest.first == "=") && rest.contains("w")
    }
  }

  private static let verificationOff = Rule(
    "VerificationOff", .caisson, "a download does not check who it comes from"
  ) { file in
    remarks(file, help: "add the certificate to the image's trusted ones instead") { command in
      switch command.program {
      case "curl" where command.asksCurlNotToCheck: "curl does not check certificates"
      case "wget" where command.has(anyOf: "--no-check-certificate"):
        "wget does not check certificates"
      default: nil
      }
    }
  }
}

extension ShellCommand {
  /// `-k` or `--insecure`, also among letters that take no value: `-fsSLk`.
  fileprivate var asksCurlNotToCheck: Bool {
    arguments.contains { argument in
      if argument == "--insecure" { return true }
      guard argument.hasPrefix("-"), !argument.hasPrefix("--") else { return false }
      return argument.dropFirst().prefix { !"AbcCdDeEFhHKmoPQrtTuUwxXyYz".contains($0) }.contains(
        "k")
    }
  }

  /// `bash`, `sh -s -- x`, `python3 -`.
  fileprivate var readsProgramFromInput: Bool {
    if Run.isShell(program) {
      if has(anyOf: "-c") { return false }
      if has(anyOf: "-s") { return true }
    } else if !["python", "python3", "perl", "ruby", "node", "php"].contains(program) {
      return false
    }
    return arguments.allSatisfy { word in
      word == "-" || Run.isShell(program) && word.hasPrefix("-") && !word.hasPrefix("--")
    }
  }
}
