// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax

extension Rule {
  /// About how values are written, and comments that describe them.
  static let formatRules = [
    legacyKeyValueFormat, exposeProtoCasing, exposeInvalidFormat, invalidDefinitionDescription,
  ]

  private static let legacyKeyValueFormat = Rule(
    "LegacyKeyValueFormat", .buildKit, "ENV or LABEL is written without ="
  ) { file in
    file.stageInstructions.compactMap { _, instruction in
      let name = instruction.keyword.text
      switch instruction.body {
      case .env(let list), .label(let list):
        guard let first = list.first, list.count == 1,
          instruction.text.hasPrefix("\(name) \(first.key.text) ")
        else { return nil }
        return Remark(
          "\(name.uppercased()) without = between name and value", at: instruction.firstLine,
          help: "write: \(name.uppercased()) \(first.key.text)=VALUE, in quotes where it has blanks"
        )
      default: return nil
      }
    }
  }

  private static let exposeProtoCasing = Rule(
    "ExposeProtoCasing", .buildKit, "the protocol of EXPOSE has capitals"
  ) { file in
    remarksOfPorts(file) { port, range in
      guard let slash = port.lastIndex(of: "/") else { return nil }
      let name = port[slash...].dropFirst()
      guard name != name.lowercased() else { return nil }
      return Remark(
        "the protocol \"\(name)\" is not in lower case", at: range,
        help: "write: \(port[..<slash])/\(name.lowercased())")
    }
  }

  private static let exposeInvalidFormat = Rule(
    "ExposeInvalidFormat", .buildKit, "EXPOSE names an address or a port of the host"
  ) { file in
    remarksOfPorts(file) { port, range in
      guard port.contains(":") else { return nil }
      return Remark(
        "EXPOSE publishes nothing: only the container's port of \"\(port)\" counts", at: range,
        help: "write: EXPOSE \(port.split(separator: ":").last ?? "PORT")")
    }
  }

  private static func remarksOfPorts(
    _ file: CheckedDockerfile, _ remark: (String, SourceRange) -> Remark?
  ) -> [Remark] {
    var remarks: [Remark] = []
    file.forEachScoped { _, instruction, scope in
      guard case .expose(let words) = instruction.body else { return }
      for word in words {
        guard let text = scope.expand(word, escape: instruction.escape) else { continue }
        remarks += text.split(whereSeparator: \.isWhitespace)
          .compactMap { remark(String($0), word.range) }
      }
    }
    return remarks
  }

  private static let invalidDefinitionDescription = Rule(
    "InvalidDefinitionDescription", .buildKit,
    "the comment above a stage or an argument does not begin with its name", isExperimental: true
  ) { file in
    file.file.instructions.compactMap { instruction in
      let names: [String]
      switch instruction.body {
      case .from(let from): names = from.name.map { [$0.text] } ?? []
      case .arg(let list): names = list.map(\.name.text)
      default: return nil
      }
      guard let first = names.first, let comment = file.file.comment(above: instruction),
        !comment.isEmpty
      else { return nil }
      let described = comment.split(separator: " ").first.map(String.init)
      guard !names.contains(where: { $0 == described }) else { return nil }
      return Remark(
        "the comment above \"\(first)\" does not describe it", at: instruction.firstLine,
        help: "write: # \(first) DESCRIPTION; or put an empty line below another comment")
    }
  }
}
