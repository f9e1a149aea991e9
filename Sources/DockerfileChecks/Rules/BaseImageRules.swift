// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

extension Rule {
  /// About the images that stages begin with.
  static let baseImageRules = [unpinnedBaseImage]

  private static let unpinnedBaseImage = Rule(
    "UnpinnedBaseImage", .caisson, "which image a stage begins with changes without notice"
  ) { file in
    file.stages.compactMap { stage in
      guard case .image(let reference, _) = stage.base, reference.digest == nil else { return nil }
      let word = stage.from.image
      switch reference.tag {
      case nil:
        return Remark(
          "\"\(word.text)\" has neither tag nor digest, so it is whatever is newest",
          at: word.range, help: "write a version: \(word.text):TAG, or \(word.text)@DIGEST")
      case "latest":
        return Remark(
          "\"\(word.text)\" is whatever is newest", at: word.range,
          help: "write a version instead of latest, or a digest")
      default: return nil
      }
    }
  }
}
