// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About who runs what the image starts.
  static let userRules = [rootAtTheEnd, nonNumericUser]

  /// The last `USER` of the result, and what it says.
  private struct FinalUser {
    /// Without the group; nil when it depends on something unknown.
    var name: String?
    var word: Word
  }

  private static func finalUser(_ file: CheckedDockerfile) -> FinalUser? {
    let isResult = Set(file.resultStages.map(\.index))
    var last: FinalUser?
    file.forEachScoped { stage, instruction, scope in
      guard isResult.contains(stage.index), case .user(let word) = instruction.body else { return }
      let text = scope.expand(word, escape: instruction.escape)
      let name = text?.split(separator: ":", omittingEmptySubsequences: false).first
      last = FinalUser(name: name.map(String.init), word: word)
    }
    return last
  }

  private static let rootAtTheEnd = Rule(
    "RootAtTheEnd", .caisson, "what the image starts runs as root"
  ) { file in
    guard let target = file.resultStages.first, let root = file.resultStages.last else { return [] }
    let help = "end with USER and a number, as in USER 65532"
    if let user = finalUser(file) {
      guard let name = user.name, ["root", "0", ""].contains(name) else { return [] }
      return [Remark("the image's user is root", at: user.word.range, help: help)]
    }
    switch root.base {
    case .scratch: break
    case .image(let reference, _):
      // Such images come with a user of their own.
      let name = reference.description.lowercased()
      guard !["nonroot", "rootless", "unprivileged"].contains(where: name.contains) else {
        return []
      }
    case .stage, .namedContext, .unknown: return []
    }
    return [
      Remark(
        "no USER is set, so the image's user is that of the base image, which mostly is root",
        at: target.source.firstLine, help: help)
    ]
  }

  private static let nonNumericUser = Rule(
    "NonNumericUser", .caisson, "Kubernetes cannot tell that the user is not root"
  ) { file in
    guard let user = finalUser(file), let name = user.name, name != "root", !name.isEmpty,
      UInt32(name) == nil
    else { return [] }
    return [
      Remark(
        "the user \"\(name)\" is a name, which runAsNonRoot of Kubernetes cannot check",
        at: user.word.range, help: "write its number, as in USER 65532")
    ]
  }
}
