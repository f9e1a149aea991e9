// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

/// The build arguments as given, and what the `ARG`s before the first `FROM` make of them.
struct GlobalScope: Sendable {
  /// As given by the user.
  let given: Variables
  /// Of a RUN that does not say.
  let network: RunNetwork
  /// The platform arguments and the global `ARG`s with their values; what `FROM` may use, and what
  /// an `ARG` without default in a stage takes over.
  private(set) var variables: Variables

  init(_ options: PlanningOptions, arguments: [Instruction]) throws(DockerfileError) {
    var given = Variables()
    for (name, value) in options.buildArguments { given.set(name, value) }
    self.given = given
    network = options.network
    variables = Self.platformArguments(options)
    for name in variables.names {
      if let value = given[name] { variables.set(name, value) }
    }
    for instruction in arguments {
      guard case .arg(let list) = instruction.body else { continue }
      for argument in list { try declare(argument, escape: instruction.escape) }
    }
  }

  private mutating func declare(_ argument: Argument, escape: UInt8) throws(DockerfileError) {
    let name = argument.name.text
    if let value = given[name] {
      variables.set(name, value)
    } else if let word = argument.value {
      variables.set(name, try expand(word, escape: escape))
    }
  }

  func expand(_ word: Word, escape: UInt8) throws(DockerfileError) -> String {
    try Expansion(variables: variables.values, escape: escape).expand(word)
  }

  /// Dockerfile reference, "Automatic platform ARGs in the global scope".
  private static func platformArguments(_ options: PlanningOptions) -> Variables {
    var variables = Variables()
    for (prefix, platform) in [("BUILD", options.buildPlatform), ("TARGET", options.platform)] {
      variables.set(prefix + "PLATFORM", platform.description)
      variables.set(prefix + "OS", platform.os)
      variables.set(prefix + "OSVERSION", platform.osVersion ?? "")
      variables.set(prefix + "ARCH", platform.architecture)
      variables.set(prefix + "VARIANT", platform.variant ?? "")
    }
    variables.set("TARGETSTAGE", options.target ?? "default")
    return variables
  }
}
