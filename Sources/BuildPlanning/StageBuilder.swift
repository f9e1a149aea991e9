// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import OCI

/// Goes through a stage's instructions: what the image will be configured with, and what is to do.
struct StageBuilder {
  var configuration: ImageConfiguration
  let platform: Platform
  private(set) var steps: [Step] = []
  let scope: GlobalScope
  /// What words and commands see: the environment, and the build arguments declared so far.
  private(set) var variables = Variables()
  /// The build arguments in scope, in the order of their `ARG`s.
  private(set) var arguments: [String] = []
  private var argumentNames: Set<String> = []
  /// Of the variables in the configuration's environment.
  private var places: [String: Int] = [:]
  /// `CMD` was given in this stage, so `ENTRYPOINT` leaves it alone.
  private var hasOwnCommand = false

  static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// - Parameter configuration: Of the base image, or an empty one.
  init(configuration: ImageConfiguration, platform: Platform, scope: GlobalScope) {
    self.configuration = configuration
    self.platform = platform
    self.scope = scope
    takeOverConfiguration()
  }

  /// A stage on top of an earlier one.
  init(on parent: StageBuilder) {
    configuration = parent.configuration
    platform = parent.platform
    scope = parent.scope
    variables = parent.variables
    arguments = parent.arguments
    argumentNames = parent.argumentNames
    takeOverConfiguration()
  }

  private mutating func takeOverConfiguration() {
    // They were unfolded into this stage's instructions.
    configuration.config.onBuild = []
    if configuration.config.environmentValue("PATH") == nil, platform.os == "linux" {
      configuration.config.setEnvironment("PATH", Self.defaultPath)
    }
    // The image's environment goes before build arguments of the stage it comes from.
    for (place, assignment) in configuration.config.environment.enumerated() {
      variables.set(assignment: assignment)
      places[String(assignment.prefix { $0 != "=" })] = place
    }
    if !configuration.config.workingDirectory.isEmpty {
      configuration.config.workingDirectory = workingDirectory
    }
  }

  /// Absolute and cleaned.
  var workingDirectory: String { absolutePath(configuration.config.workingDirectory, below: "/") }

  var shell: [String] {
    guard let shell = configuration.config.shell, !shell.isEmpty else { return ["/bin/sh", "-c"] }
    return shell
  }

  func expand(_ word: Word, _ instruction: Instruction) throws(DockerfileError) -> String {
    try Expansion(variables: variables.values, escape: instruction.escape).expand(word)
  }

  func expand(_ words: [Word], _ instruction: Instruction) throws(DockerfileError) -> [String] {
    var texts: [String] = []
    for word in words { texts.append(try expand(word, instruction)) }
    return texts
  }

  mutating func add(
    _ action: Step.Action = .configure, for instruction: Instruction, text: String,
    createdBy: String? = nil
  ) {
    steps.append(
      Step(
        action: action, text: text, createdBy: createdBy ?? text, source: instruction.range))
  }

  /// - Parameter origins: What the names behind `from` mean.
  mutating func apply(_ instruction: Instruction, origins: [String: FileOrigin]) throws {
    switch instruction.body {
    case .from: break
    case .arg(let list): try declare(list, instruction)
    case .env(let list): try setEnvironment(list, instruction)
    case .label(let list): try setLabels(list, instruction)
    case .run(let run): try addRun(run, instruction, origins: origins)
    case .copy(let copy):
      let origin = copy.from.flatMap { origins[$0.text] } ?? .context
      try addCopy(copy, instruction, "COPY", from: origin)
    case .add(let copy): try addCopy(copy, instruction, "ADD", from: .context)
    case .workdir(let word): try setWorkingDirectory(word, instruction)
    case .user(let word): try setUser(word, instruction)
    case .expose(let words): try expose(words, instruction)
    case .volume(let words): try addVolumes(words, instruction)
    case .cmd(let command): setCommand(command, instruction)
    case .entrypoint(let command): setEntrypoint(command, instruction)
    case .shell(let words): setShell(words, instruction)
    case .stopSignal(let word): try setStopSignal(word, instruction)
    case .healthcheck(let healthcheck): setHealthcheck(healthcheck, instruction)
    // Recorded in the image only; it leaves no history.
    case .onBuild(let trigger): configuration.config.onBuild.append(trigger.text)
    case .maintainer(let word): setAuthor(word, instruction)
    }
  }

  /// An `ARG`: the value given by the user, its default, or that of the global `ARG`.
  private mutating func declare(_ list: [Argument], _ instruction: Instruction) throws {
    var shown: [String] = []
    for argument in list {
      let name = argument.name.text
      var value = scope.given[name]
      if value == nil, let word = argument.value { value = try expand(word, instruction) }
      if value == nil { value = scope.variables[name] }
      if let value { variables.set(name, value) }
      if argumentNames.insert(name).inserted { arguments.append(name) }
      let isShown = value != nil && !ProxyArguments.contains(name)
      shown.append(isShown ? "\(name)=\(value ?? "")" : name)
    }
    add(for: instruction, text: "ARG " + shown.joined(separator: " "))
  }

  private mutating func setEnvironment(_ list: [Assignment], _ instruction: Instruction) throws {
    let pairs = try pairs(list, instruction)
    for (name, value) in pairs {
      variables.set(name, value)
      setConfigured(name, value)
    }
    add(for: instruction, text: "ENV " + shown(pairs))
  }

  /// Where it stands, or at the end.
  private mutating func setConfigured(_ name: String, _ value: String) {
    if let place = places[name] {
      configuration.config.environment[place] = "\(name)=\(value)"
    } else {
      places[name] = configuration.config.environment.count
      configuration.config.environment.append("\(name)=\(value)")
    }
  }

  private mutating func setLabels(_ list: [Assignment], _ instruction: Instruction) throws {
    let pairs = try pairs(list, instruction)
    for (name, value) in pairs { configuration.config.labels[name] = value }
    add(for: instruction, text: "LABEL " + shown(pairs))
  }

  private func shown(_ pairs: [(String, String)]) -> String {
    pairs.map { "\($0)=\($1)" }.joined(separator: " ")
  }

  /// All are expanded before the first is set.
  private func pairs(_ list: [Assignment], _ instruction: Instruction) throws -> [(String, String)]
  {
    try list.map { assignment in
      let name = try expand(assignment.key, instruction)
      guard !name.isEmpty else { throw PlanningError.emptyVariableName(at: assignment.key.range) }
      return (name, try expand(assignment.value, instruction))
    }
  }

  private mutating func setCommand(_ command: CommandLine, _ instruction: Instruction) {
    let arguments = argumentVector(command)
    configuration.config.command = arguments
    hasOwnCommand = true
    add(for: instruction, text: instruction.text, createdBy: "CMD " + quotedList(arguments))
  }

  private mutating func setEntrypoint(_ command: CommandLine, _ instruction: Instruction) {
    let arguments = argumentVector(command)
    configuration.config.entrypoint = arguments
    // An inherited command was meant for the inherited entry point.
    if !hasOwnCommand { configuration.config.command = nil }
    add(for: instruction, text: instruction.text, createdBy: "ENTRYPOINT " + quotedList(arguments))
  }

  private func argumentVector(_ command: CommandLine) -> [String] {
    switch command {
    case .shell(let word): shell + [word.text]
    case .exec(let words): words.map(\.text)
    }
  }
}

/// `path` below `directory` unless it is absolute, lexically cleaned, no trailing slash but the root's.
func absolutePath(_ path: String, below directory: String) -> String {
  let whole = path.hasPrefix("/") ? path : directory + "/" + path
  return "/" + PathBytes(whole).normalizedInRoot.description
}
