// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About Debian's packages.
  static let packageRules = [aptWithoutYes, aptRecommends, aptWithoutCleanup, aptUpdateAlone]

  private static let aptWithoutYes = Rule(
    "AptWithoutYes", .caisson, "apt-get waits for an answer that nobody gives"
  ) { file in
    guard !file.mentions("assume-yes") else { return [] }
    return file.runs.compactMap { run in
      var answered = false
      for command in run.commands {
        defer { answered = command.isPiped }
        guard let apt = AptCall(command), apt.changesPackages, !apt.isDryRun, !apt.assumesYes,
          !answered
        else { continue }
        return Remark(
          "\(command.program) \(apt.verb) asks, and nobody answers", at: run.range,
          help: "add -y")
      }
      return nil
    }
  }

  private static let aptRecommends = Rule(
    "AptRecommends", .caisson, "apt-get installs packages that are only recommended"
  ) { file in
    guard !file.mentions("apt::install-recommends") else { return [] }
    return file.runs.compactMap { run in
      let call = run.commands.lazy.compactMap(AptCall.init).first {
        $0.verb == "install" && !$0.saysWhatIsRecommended && !$0.packages.isEmpty
      }
      return call.map { _ in
        Remark(
          "packages that are only recommended are installed too", at: run.range,
          help: "add --no-install-recommends")
      }
    }
  }

  /// Of stages whose files are in the image.
  private static let aptWithoutCleanup = Rule(
    "AptWithoutCleanup", .caisson, "the lists of packages stay in the layer"
  ) { file in
    file.resultStages.reversed().flatMap { file.runs(of: $0) }.compactMap { run in
      let calls = run.commands.compactMap(AptCall.init)
      guard calls.contains(where: { $0.verb == "update" }),
        calls.contains(where: { $0.verb == "install" }),
        !calls.contains(where: { $0.verb == "distclean" }),
        !run.commands.contains(where: \.removesPackageLists), !run.run.keepsPackageListsElsewhere
      else { return nil }
      return Remark(
        "the lists that apt-get update fetched stay in the layer", at: run.range,
        help: "end the command with: && rm -rf /var/lib/apt/lists/*")
    }
  }

  private static let harmless: Set<String> = ["set", "echo", "rm", "true", "export", ":"]

  private static let aptUpdateAlone = Rule(
    "AptUpdateAlone", .caisson, "the lists of packages grow old in a cached layer"
  ) { file in
    file.runs.compactMap { run in
      let calls = run.commands.compactMap(AptCall.init)
      let others = run.commands.filter { AptCall($0) == nil && !harmless.contains($0.program) }
      guard others.isEmpty, calls.contains(where: { $0.verb == "update" }),
        calls.allSatisfy({ ["update", "clean", "autoclean"].contains($0.verb) }),
        !run.run.keepsPackageListsElsewhere
      else { return nil }
      return Remark(
        "apt-get update without an install in the same RUN: a later install gets old lists",
        at: run.range, help: "join them: RUN apt-get update && apt-get install -y PACKAGE")
    }
  }
}

/// `apt-get [OPTIONS] VERB PACKAGE...`
private struct AptCall {
  var verb = ""
  var packages: [String] = []
  private var options: [String] = []

  private static let optionsWithValue: Set<String> = [
    "-o", "--option", "-t", "--target-release", "-c", "--config-file",
  ]

  init?(_ command: ShellCommand) {
    guard ["apt-get", "apt"].contains(command.program) else { return nil }
    var words = command.arguments
    while let word = words.popFirst() {
      if word.hasPrefix("-") {
        options.append(word)
        if Self.optionsWithValue.contains(word), let value = words.popFirst() {
          options.append(value)
        }
      } else if verb.isEmpty {
        verb = word
      } else if !word.contains(">") {
        packages.append(word)
      }
    }
    guard !verb.isEmpty else { return nil }
  }

  var changesPackages: Bool {
    ["install", "upgrade", "dist-upgrade", "full-upgrade", "remove", "purge", "build-dep"]
      .contains(verb)
  }

  var assumesYes: Bool {
    options.contains { option in
      let lower = option.lowercased()
      if option.hasPrefix("--") {
        return ["--yes", "--assume-yes", "--force-yes", "--assume-no"].contains(lower)
      }
      let letters = option.dropFirst().prefix(while: \.isLetter)
      guard option.hasPrefix("-"), option.first != "o" else { return false }
      return letters.contains("y") || letters.count { $0 == "q" } >= 2 || option == "-q=2"
    }
  }

  var isDryRun: Bool {
    options.contains {
      ["-s", "--simulate", "--dry-run", "--just-print", "--no-act", "-d", "--download-only"]
        .contains($0)
    }
  }

  var saysWhatIsRecommended: Bool {
    options.contains { $0.lowercased().contains("install-recommends") }
  }
}

extension ShellCommand {
  fileprivate var removesPackageLists: Bool {
    ["rm", "find"].contains(program)
      && arguments.contains {
        $0.hasPrefix("/var/lib/apt") || ["/var/lib", "/var/lib/*", "/var/lib/"].contains($0)
          || $0.hasPrefix("/var/lib/{apt")
      }
  }
}

extension Run {
  /// A mount lies over the lists, so none are in the layer.
  fileprivate var keepsPackageListsElsewhere: Bool {
    mounts.contains { mount in
      let kind = mount.fields.first { $0.key == "type" }?.value?.text
      let target = mount.fields.first { $0.key == "target" }?.value?.text ?? ""
      return ["cache", "tmpfs"].contains(kind)
        && ["/var/lib/apt/lists", "/var/lib/apt", "/var/lib", "/var"].contains(
          target.hasSuffix("/") ? String(target.dropLast()) : target)
    }
  }
}

extension CheckedDockerfile {
  /// Somewhere in a RUN or in a document, whatever the capitals.
  fileprivate func mentions(_ text: String) -> Bool {
    stageInstructions.contains { _, instruction in
      switch instruction.body {
      case .run(let run):
        instruction.text.lowercased().contains(text)
          || run.documents.contains { $0.rawContent.lowercased().contains(text) }
      case .copy(let copy), .add(let copy):
        copy.sources.contains {
          if case .document(let document) = $0 {
            document.rawContent.lowercased().contains(text)
          } else {
            false
          }
        }
      default: false
      }
    }
  }
}
