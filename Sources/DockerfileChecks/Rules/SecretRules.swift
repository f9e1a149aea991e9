// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About secrets that end up in the image.
  static let secretRules = [secretsUsedInArgOrEnv, secretInCopy]

  private static let secretWords: Set<String> = [
    "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret",
    "token",
  ]

  private static let secretsUsedInArgOrEnv = Rule(
    "SecretsUsedInArgOrEnv", .buildKit, "a secret is a build argument or in the environment"
  ) { file in
    file.stageInstructions.flatMap { _, instruction -> [Remark] in
      let keys: [Word]
      switch instruction.body {
      case .arg(let list): keys = list.map(\.name)
      case .env(let list): keys = list.map(\.key)
      default: return []
      }
      return keys.filter { namesSecret($0.text) }.map { key in
        Remark(
          "\"\(key.text)\" looks like a secret; who has the image can read it", at: key.range,
          help: "give it to the commands that need it: RUN --mount=type=secret,id=NAME")
      }
    }
  }

  private static func namesSecret(_ name: String) -> Bool {
    let words = name.lowercased().split(separator: "_").map(String.init)
    return words.contains(where: secretWords.contains) && !words.contains("public")
  }

  private static let secretInCopy = Rule(
    "SecretInCopy", .caisson, "a file that holds secrets is copied into the image"
  ) { file in
    file.stageInstructions.flatMap { _, instruction -> [Remark] in
      guard let copy = instruction.body.contextCopy else { return [] }
      return copy.paths.filter { holdsSecrets(unquoted($0.text)) }.map { word in
        Remark(
          "\"\(word.text)\" usually holds secrets; who has the image can read them",
          at: word.range,
          help:
            "give it to the commands that need it: RUN --mount=type=secret,id=NAME; and list it "
            + "in .dockerignore")
      }
    }
  }

  private static let secretNames: Set<String> = [
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".env", ".npmrc", ".netrc", "_netrc", ".pypirc",
    ".pgpass", ".git-credentials", ".aws", ".ssh", ".gnupg", ".kube", "kubeconfig", ".vault-token",
    ".dockercfg", "terraform.tfstate",
  ]
  /// With the name of the directory.
  private static let secretPaths = [
    ".docker/config.json", ".aws/credentials", ".cargo/credentials.toml",
  ]
  private static let secretEndings = [".pem", ".p12", ".pfx", ".kubeconfig"]
  /// Of files that have one of these in their names, others are to have a copy.
  private static let publicWords = ["cert", "crt", "chain", "bundle", "pub", "ca-", "ca.", "-ca"]
  private static let templateEndings = [".example", ".sample", ".template", ".dist", ".defaults"]

  private static func holdsSecrets(_ path: String) -> Bool {
    guard !path.contains("://") else { return false }
    let parts = path.lowercased().split(separator: "/").map(String.init)
    guard let name = parts.last, !templateEndings.contains(where: name.hasSuffix) else {
      return false
    }
    if secretNames.contains(name) || name.hasPrefix(".env.") { return true }
    if [".aws", ".ssh", ".gnupg", ".kube"].contains(where: parts.dropLast().contains) {
      return !name.hasSuffix(".pub") && !name.hasPrefix("known_hosts") && name != "config"
        || parts.contains(".kube")
    }
    if secretPaths.contains(where: { path.lowercased().hasSuffix($0) }) { return true }
    return secretEndings.contains(where: name.hasSuffix)
      && !publicWords.contains(where: name.contains)
  }
}

extension Instruction.Body {
  /// A `COPY` or `ADD` whose sources are the context's.
  var contextCopy: Copy? {
    switch self {
    case .copy(let copy): copy.from == nil ? copy : nil
    case .add(let copy): copy
    default: nil
    }
  }
}
