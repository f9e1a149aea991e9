// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

extension Rule {
  /// About stages, their names and their platforms.
  static let stageRules = [
    stageNameCasing, duplicateStageName, reservedStageName, redundantTargetPlatform,
    fromPlatformFlagConstDisallowed,
  ]

  private static let stageNameCasing = Rule(
    "StageNameCasing", .buildKit, "a stage has capitals in its name"
  ) { file in
    file.stages.compactMap { stage in
      guard let name = stage.from.name, name.text != name.text.lowercased() else { return nil }
      return Remark(
        "the stage name \"\(name.text)\" is not in lower case", at: name.range,
        help: "write: AS \(name.text.lowercased())")
    }
  }

  private static let duplicateStageName = Rule(
    "DuplicateStageName", .buildKit, "two stages have the same name"
  ) { file in
    var seen: Set<String> = []
    return file.stages.compactMap { stage in
      guard let name = stage.from.name, !seen.insert(name.text.lowercased()).inserted else {
        return nil
      }
      return Remark(
        "an earlier stage is called \"\(name.text)\" too", at: name.range,
        help: "later instructions mean this one; give it another name")
    }
  }

  private static let reservedStageName = Rule(
    "ReservedStageName", .buildKit, "a stage has a name that means something else"
  ) { file in
    file.stages.compactMap { stage in
      guard let name = stage.from.name, ["context", "scratch"].contains(name.text.lowercased())
      else { return nil }
      return Remark(
        "the stage name \"\(name.text)\" is reserved", at: name.range,
        help: "give the stage another name")
    }
  }

  private static let redundantTargetPlatform = Rule(
    "RedundantTargetPlatform", .buildKit, "FROM names the platform that it has anyway"
  ) { file in
    file.stages.compactMap { stage in
      guard let word = stage.from.platform,
        ["$TARGETPLATFORM", "${TARGETPLATFORM}"].contains(unquoted(word.text))
      else { return nil }
      return Remark(
        "--platform=\(word.text) is what FROM does by itself", at: word.range,
        help: "delete the flag")
    }
  }

  private static let fromPlatformFlagConstDisallowed = Rule(
    "FromPlatformFlagConstDisallowed", .buildKit, "FROM is tied to one platform"
  ) { file in
    file.stages.compactMap { stage in
      guard let word = stage.from.platform, !word.text.contains("$"),
        let platform = Platform(unquoted(word.text))
      else { return nil }
      let name = stage.from.name?.text.lowercased() ?? ""
      guard !name.contains(platform.os), !name.contains(platform.architecture) else { return nil }
      return Remark(
        "--platform always says \"\(unquoted(word.text))\"", at: word.range,
        help: "leave it out and build with --platform, or use $BUILDPLATFORM; a stage for one "
          + "platform has the platform in its name")
    }
  }
}

/// Without the quotes around it.
func unquoted(_ text: String) -> String {
  guard text.utf8.count >= 2, let first = text.first, first == text.last, "\"'".contains(first)
  else { return text }
  return String(text.dropFirst().dropLast())
}
