// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About what the image starts, and where.
  static let commandRules = [
    jsonArgsRecommended, multipleInstructionsDisallowed, workdirRelativePath, maintainerDeprecated,
  ]

  private static let jsonArgsRecommended = Rule(
    "JSONArgsRecommended", .buildKit, "CMD or ENTRYPOINT goes through a shell that gets the signals"
  ) { file in
    file.stages.flatMap { stage in
      var hasShell = stage.shell != nil
      return stage.instructions.compactMap { instruction -> Remark? in
        switch instruction.body {
        case .shell:
          hasShell = true
          return nil
        case .cmd(.shell), .entrypoint(.shell):
          guard !hasShell else { return nil }
          let name = instruction.keyword.text.uppercased()
          return Remark(
            "\(name) starts a shell, which keeps signals from the program",
            at: instruction.firstLine,
            help: "write it as JSON: \(name) [\"PROGRAM\", \"ARGUMENT\"]; or choose a shell with "
              + "SHELL")
        default: return nil
        }
      }
    }
  }

  private static let multipleInstructionsDisallowed = Rule(
    "MultipleInstructionsDisallowed", .buildKit,
    "CMD, ENTRYPOINT or HEALTHCHECK is there twice in a stage"
  ) { file in
    file.stages.flatMap { stage in
      var last: [String: Instruction] = [:]
      var remarks: [Remark] = []
      for instruction in stage.instructions {
        switch instruction.body {
        case .cmd, .entrypoint, .healthcheck: break
        default: continue
        }
        let name = instruction.keyword.text.uppercased()
        if let earlier = last.updateValue(instruction, forKey: name) {
          remarks.append(
            Remark(
              "this \(name) has no effect: another follows in the stage", at: earlier.firstLine,
              help: "delete it"))
        }
      }
      return remarks
    }
  }

  private static let workdirRelativePath = Rule(
    "WorkdirRelativePath", .buildKit, "WORKDIR depends on what the base image says"
  ) { file in
    var settled: Set<Int> = []
    var remarks: [Remark] = []
    file.forEachScoped { stage, instruction, scope in
      guard case .workdir(let word) = instruction.body else { return }
      let isFirst = settled.insert(stage.index).inserted && !stage.hasWorkingDirectory
      guard isFirst, let path = scope.expand(word, escape: instruction.escape),
        !path.hasPrefix("/"), !isWindowsPath(path)
      else { return }
      remarks.append(
        Remark(
          "\"\(path)\" is below the working directory of the base image, which may change",
          at: word.range, help: "write an absolute path, as in /\(path)"))
    }
    return remarks
  }

  private static func isWindowsPath(_ path: String) -> Bool {
    path.hasPrefix("\\") || path.dropFirst().first == ":"
  }

  private static let maintainerDeprecated = Rule(
    "MaintainerDeprecated", .buildKit, "MAINTAINER is out of use"
  ) { file in
    file.stageInstructions.compactMap { _, instruction in
      guard case .maintainer(let word) = instruction.body else { return nil }
      return Remark(
        "MAINTAINER is deprecated", at: instruction.firstLine,
        help: "write: LABEL org.opencontainers.image.authors=\"\(unquoted(word.text))\"")
    }
  }
}
