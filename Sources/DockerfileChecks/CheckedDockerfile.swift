// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import OCI

/// A Dockerfile as rules look at it: in stages, with what is known of each.
package struct CheckedDockerfile: Sendable {
  package let file: Dockerfile
  let options: CheckOptions
  /// The `ARG`s before the first stage.
  let globals: [Instruction]
  let globalScope: Scope
  let stages: [CheckedStage]
  /// The position of the stage that is built; nil when there is none of that name.
  let target: Int?

  package init(_ file: Dockerfile, _ options: CheckOptions = CheckOptions()) {
    var globals: [Instruction] = []
    var scope = Scope(options)
    var stages: [CheckedStage] = []
    var indices: [String: Int] = [:]
    for instruction in file.instructions {
      if case .from(let from) = instruction.body {
        let index = stages.count
        stages.append(CheckedStage(index: index, from: from, source: instruction))
      } else if stages.isEmpty {
        globals.append(instruction)
        if case .arg(let list) = instruction.body {
          for argument in list {
            scope.declare(argument, escape: instruction.escape, options.buildArguments)
          }
        }
      } else {
        stages[stages.count - 1].instructions.append(instruction)
      }
    }
    var inheritable = Self.mostInheritedVariables
    for index in stages.indices {
      let base = stages[index].base(indices, scope, options)
      // Taken out of the list, which would be copied as a whole otherwise.
      var parent: CheckedStage?
      if case .stage(let earlier) = base { parent = stages[earlier] }
      stages[index].settle(base, on: parent, scope, options, &inheritable)
      if let name = stages[index].from.name { indices[name.text.lowercased()] = index }
    }
    self.file = file
    self.options = options
    self.globals = globals
    globalScope = scope
    target = Self.target(options.target, stages.count, indices)
    self.stages = stages
  }

  /// In all stages together. Beyond, what a stage inherits counts as unknown, so that a file whose
  /// every stage is based on the one before does not take memory without end.
  private static let mostInheritedVariables = 200_000

  private static func target(_ name: String?, _ count: Int, _ indices: [String: Int]) -> Int? {
    guard let name, !name.isEmpty else { return count > 0 ? count - 1 : nil }
    if let index = indices[name.lowercased()] { return index }
    return Int(name).flatMap { (0..<count).contains($0) ? $0 : nil }
  }

  /// The target and the stages it is based on, from the last to the first: their files are in the
  /// image.
  var resultStages: [CheckedStage] {
    var chain: [CheckedStage] = []
    var next = target
    while let index = next {
      chain.append(stages[index])
      if case .stage(let earlier) = stages[index].base { next = earlier } else { next = nil }
    }
    return chain
  }

  /// Every instruction of every stage, with its stage.
  var stageInstructions: [(stage: CheckedStage, instruction: Instruction)] {
    stages.flatMap { stage in stage.instructions.map { (stage, $0) } }
  }

  /// Goes through the stages; the scope is the one that the instruction sees.
  func forEachScoped(_ body: (CheckedStage, Instruction, Scope) -> Void) {
    for stage in stages {
      var scope = stage.scope
      for instruction in stage.instructions {
        body(stage, instruction, scope)
        scope.apply(instruction, globals: globalScope, options.buildArguments)
      }
    }
  }
}

/// A `FROM` and its instructions.
struct CheckedStage: Sendable {
  enum Base: Sendable {
    case scratch
    case stage(Int)
    case namedContext(String)
    case image(ImageReference, name: String)
    /// It depends on something unknown, or is no name.
    case unknown
  }

  let index: Int
  let from: From
  let source: Instruction
  var instructions: [Instruction] = []
  private(set) var base = Base.unknown
  /// At its first instruction.
  private(set) var scope = Scope(environment: nil)
  /// `SHELL` of the stages it is based on.
  private(set) var shell: [String]?
  /// A `WORKDIR` is in the stages it is based on.
  private(set) var hasWorkingDirectory = false
  private var scopeAtEnd = Scope(environment: nil)
  private var shellAtEnd: [String]?
  private var hasWorkingDirectoryAtEnd = false

  init(index: Int, from: From, source: Instruction) {
    self.index = index
    self.from = from
    self.source = source
  }

  /// - Parameter indices: The stages before this one, by name in lower case.
  fileprivate func base(_ indices: [String: Int], _ globals: Scope, _ options: CheckOptions) -> Base
  {
    guard let name = globals.expand(from.image, escape: source.escape) else { return .unknown }
    if options.namedContexts.contains(name) { return .namedContext(name) }
    if let index = indices[name.lowercased()] { return .stage(index) }
    if name == "scratch" { return .scratch }
    return ImageReference(name).map { .image($0, name: name) } ?? .unknown
  }

  /// - Parameter parent: The stage it is based on.
  fileprivate mutating func settle(
    _ base: Base, on parent: CheckedStage?, _ globals: Scope, _ options: CheckOptions,
    _ inheritable: inout Int
  ) {
    self.base = base
    switch base {
    case .scratch: scope = Scope(environment: [])
    case .image(_, let name), .namedContext(let name):
      scope = Scope(environment: options.imageEnvironments[name])
    case .stage, .unknown: break
    }
    if let parent {
      inheritable -= parent.scopeAtEnd.count
      if inheritable >= 0 { scope = parent.scopeAtEnd }
      shell = parent.shellAtEnd
      hasWorkingDirectory = parent.hasWorkingDirectoryAtEnd
    }
    scopeAtEnd = scope
    shellAtEnd = shell
    hasWorkingDirectoryAtEnd = hasWorkingDirectory
    for instruction in instructions {
      scopeAtEnd.apply(instruction, globals: globals, options.buildArguments)
      switch instruction.body {
      case .shell(let words): shellAtEnd = words.map(\.text)
      case .workdir: hasWorkingDirectoryAtEnd = true
      default: break
      }
    }
  }
}
