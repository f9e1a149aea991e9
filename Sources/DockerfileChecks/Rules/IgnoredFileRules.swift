// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem

extension Rule {
  /// About ignore files.
  static let ignoredFileRules = [copyIgnoredFile, missingIgnoreFile]

  private static let copyIgnoredFile = Rule(
    "CopyIgnoredFile", .buildKit, "a source is left out by the ignore file", isExperimental: true
  ) { file in
    guard case .present(let ignoreFile) = file.options.ignoreRules else { return [] }
    var remarks: [Remark] = []
    file.forEachScoped { _, instruction, scope in
      guard let copy = instruction.body.contextCopy else { return }
      for word in copy.paths {
        guard let path = scope.expand(word, escape: instruction.escape), isPlain(path) else {
          continue
        }
        let bytes = PathBytes(path).normalizedInRoot
        guard !bytes.isEmpty, let pattern = ignoreFile.pattern(excluding: bytes),
          !ignoreFile.filter.mayInclude(below: bytes)
        else { continue }
        remarks.append(
          Remark(
            "\"\(path)\" is left out by \"\(pattern.text)\" of \(ignoreFile.source.name)",
            at: word.range, help: "add \"!\(path)\" below it, or copy another file"))
      }
    }
    return remarks
  }

  /// Neither an address nor a pattern.
  private static func isPlain(_ path: String) -> Bool {
    !path.contains("://") && !path.hasPrefix("git@") && !path.contains { "*?[\\".contains($0) }
  }

  private static let missingIgnoreFile = Rule(
    "MissingIgnoreFile", .caisson, "the whole context is copied, and nothing is left out"
  ) { file in
    guard case .absent = file.options.ignoreRules else { return [] }
    let first = file.stageInstructions.lazy.compactMap { $0.instruction.body.wholeContext }.first
    return first.map { word in
      [
        Remark(
          "\"\(word.text)\" is everything, .git and local files too: there is no .dockerignore",
          at: word.range, help: "write a .dockerignore beside the sources")
      ]
    } ?? []
  }
}

extension Instruction.Body {
  /// The source that stands for all of the context.
  var wholeContext: Word? {
    contextCopy?.paths.first { [".", "./", "/", "*", "./*"].contains(unquoted($0.text)) }
  }
}
