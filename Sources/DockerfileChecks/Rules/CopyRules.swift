// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About what is copied, and when.
  static let copyRules = [addInsteadOfCopy, addOverHTTP, cacheHostileOrder]

  private static let archiveEndings = [
    ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".tlz", ".gz", ".bz2", ".xz", ".zst", ".lzma",
  ]

  private static let addInsteadOfCopy = Rule(
    "AddInsteadOfCopy", .caisson, "ADD where COPY does the same"
  ) { file in
    file.stageInstructions.compactMap { _, instruction in
      guard case .add(let copy) = instruction.body, copy.paths.count == copy.sources.count,
        copy.checksum == nil, copy.keepsGitDirectory == nil, copy.unpacks == nil,
        copy.paths.allSatisfy({ isPlainFile(unquoted($0.text)) })
      else { return nil }
      return Remark(
        "ADD of files that are no archives and come from nowhere else", at: instruction.firstLine,
        help: "write COPY, which never unpacks or downloads")
    }
  }

  private static func isPlainFile(_ path: String) -> Bool {
    let name = path.lowercased()
    return !name.contains("://") && !name.hasPrefix("git@")
      && !name.contains { "*?[$".contains($0) }
      && !name.contains(".tar") && !archiveEndings.contains(where: name.hasSuffix)
  }

  private static let addOverHTTP = Rule(
    "AddOverHTTP", .caisson, "ADD downloads what anybody on the way may have changed"
  ) { file in
    file.stageInstructions.flatMap { _, instruction -> [Remark] in
      guard case .add(let copy) = instruction.body, copy.checksum == nil else { return [] }
      return copy.paths.filter { unquoted($0.text).lowercased().hasPrefix("http://") }.map { word in
        Remark(
          "\"\(word.text)\" comes over a line that is not protected", at: word.range,
          help: "write https://, or add --checksum=sha256:DIGEST")
      }
    }
  }

  private static let cacheHostileOrder = Rule(
    "CacheHostileOrder", .caisson,
    "every change of the sources makes the dependencies be installed again"
  ) { file in
    file.stages.flatMap { stage -> [Remark] in
      var whole: Instruction?
      var early: Set<String> = []
      var remarks: [Remark] = []
      var runs = file.runs(of: stage)[...]
      for instruction in stage.instructions {
        if instruction.body.wholeContext != nil, whole == nil { whole = instruction }
        guard case .run = instruction.body, let run = runs.first,
          run.range.start == instruction.range.start
        else { continue }
        runs.removeFirst()
        guard let command = run.commands.first(where: \.installsDependencies) else { continue }
        guard let whole else {
          early.insert(command.program)
          continue
        }
        guard !early.contains(command.program), !run.run.mounts.contains(where: \.isCache) else {
          continue
        }
        let line = whole.range.start.line
        remarks.append(
          Remark(
            "\(command.words.prefix(2).joined(separator: " ")) runs again whenever a file of the "
              + "context changes", at: run.range,
            help: "put it before the \(whole.keyword.text.uppercased()) on line \(line); copy only "
              + "the files that it reads first"))
        return remarks
      }
      return remarks
    }
  }
}

extension ShellCommand {
  /// From outside, as a list in a file or the command says; not the sources themselves.
  fileprivate var installsDependencies: Bool {
    let verb = arguments.first { !$0.hasPrefix("-") } ?? ""
    let named = arguments.filter { !$0.hasPrefix("-") }.dropFirst()
    let isLocal = named.contains { $0.hasPrefix(".") || $0.hasPrefix("/") || $0.contains("$") }
    switch program {
    case "npm", "pnpm": return ["ci", "install", "i"].contains(verb) && !isLocal
    case "yarn": return verb == "install" || arguments.isEmpty
    case "pip", "pip3": return verb == "install" && has(anyOf: "-r", "--requirement")
    case "go": return verb == "mod" && named.first == "download"
    case "bundle", "composer": return verb == "install"
    case "cargo": return verb == "fetch"
    case "apt-get", "apt", "dnf", "yum", "microdnf": return verb == "install" && !isLocal
    case "apk": return verb == "add" && !isLocal
    default: return false
    }
  }
}

extension MountFlag {
  fileprivate var isCache: Bool {
    fields.contains { $0.key == "type" && $0.value?.text == "cache" }
  }
}
