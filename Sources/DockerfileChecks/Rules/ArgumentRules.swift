// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

extension Rule {
  /// About build arguments and variables.
  static let argumentRules = [undefinedArgInFrom, invalidDefaultArgInFrom, undefinedVar]

  /// For names that were probably meant: each compares with all that are set.
  private static let mostSearches = 200

  private static let undefinedArgInFrom = Rule(
    "UndefinedArgInFrom", .buildKit, "FROM uses an argument that no ARG before it declares"
  ) { file in
    var searches = mostSearches
    return file.stages.flatMap { stage in
      [stage.from.platform, stage.from.image].compactMap { $0 }.flatMap { word in
        word.variables(escape: stage.source.escape).compactMap { reference in
          guard !reference.handlesAbsence, !file.globalScope.isSet(reference.name) else {
            return nil
          }
          searches -= 1
          let near = searches > 0 ? file.globalScope.nearestName(to: reference.name) : nil
          return Remark(
            "FROM uses the argument \"\(reference.name)\", which is not declared",
            at: reference.range,
            help: near.map { "did you mean \($0)?" }
              ?? "declare it before the first FROM: ARG \(reference.name)=DEFAULT")
        }
      }
    }
  }

  private static let invalidDefaultArgInFrom = Rule(
    "InvalidDefaultArgInFrom", .buildKit, "the defaults of arguments make no name of an image"
  ) { file in
    var defaults = Scope(file.options.withoutArguments)
    for instruction in file.globals {
      guard case .arg(let list) = instruction.body else { continue }
      for argument in list { defaults.declare(argument, escape: instruction.escape, [:]) }
    }
    return file.stages.compactMap { stage in
      let word = stage.from.image
      let references = word.variables(escape: stage.source.escape)
      guard !references.isEmpty,
        references.allSatisfy({ defaults.isSet($0.name) || $0.handlesAbsence })
      else { return nil }
      // An argument without default is empty here: that is what the rule is about.
      let expansion = Expansion(variables: defaults.values, escape: stage.source.escape)
      guard let name = try? expansion.expand(word), ImageReference(name) == nil,
        !file.options.namedContexts.contains(name)
      else { return nil }
      return Remark(
        name.isEmpty
          ? "without build arguments, \"\(word.text)\" names no image"
          : "without build arguments, \"\(word.text)\" is \"\(name)\", which names no image",
        at: word.range, help: "give the ARG a default that makes a valid name")
    }
  }

  /// Known to every build, or set for whoever runs a command.
  private static let predefined: Set<String> = [
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY",
    "BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE",
  ]

  private static let undefinedVar = Rule(
    "UndefinedVar", .buildKit, "a variable is used that nothing sets"
  ) { file in
    let words = Set(file.stages.map(\.from).flatMap { [$0.image, $0.platform].compactMap { $0 } })
    let usedInFrom = Set(words.flatMap { $0.variables(escape: 0) }.map(\.name))
    var remarks: [Remark] = []
    var searches = mostSearches
    file.forEachScoped { _, instruction, scope in
      for reference in instruction.body.expandedWords
        .flatMap({ $0.variables(escape: instruction.escape) })
      {
        let name = reference.name
        guard !reference.handlesAbsence, !scope.isSet(name),
          !predefined.contains(name.uppercased())
        else { continue }
        searches -= 1
        let near =
          searches > 0
          ? scope.nearestName(to: name, atMost: scope.isComplete ? .max : 1) : nil
        let isGlobal = file.globalScope.isSet(name)
        // A base image that nobody has looked into may set anything.
        guard scope.isComplete || near != nil || isGlobal && !usedInFrom.contains(name) else {
          continue
        }
        let help =
          isGlobal
          ? "declare it in this stage: ARG \(name)" : near.map { "did you mean $\($0)?" }
        remarks.append(
          Remark("the variable \"\(name)\" is not set here", at: reference.range, help: help))
      }
    }
    return remarks
  }
}

extension CheckOptions {
  fileprivate var withoutArguments: CheckOptions {
    var options = self
    options.buildArguments = [:]
    return options
  }
}

extension Instruction.Body {
  /// Those in which variables are replaced.
  fileprivate var expandedWords: [Word] {
    switch self {
    case .arg(let list): list.compactMap(\.value)
    case .env(let list), .label(let list): list.flatMap { [$0.key, $0.value] }
    case .copy(let copy), .add(let copy):
      copy.paths + [copy.destination] + [copy.owner, copy.mode, copy.checksum].compactMap { $0 }
        + copy.excludes
    case .workdir(let word), .user(let word), .stopSignal(let word): [word]
    case .expose(let words), .volume(let words): words
    case .from, .run, .cmd, .entrypoint, .shell, .healthcheck, .onBuild, .maintainer: []
    }
  }
}

extension Copy {
  /// The sources that are no documents.
  var paths: [Word] {
    sources.compactMap { source in
      if case .path(let word) = source { word } else { nil }
    }
  }
}
