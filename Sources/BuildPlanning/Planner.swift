// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

/// Decides what a build does.
///
/// Call it again with the images it needs until it gives a plan: the triggers of a base image may
/// ask for more.
///
/// - Parameter images: What was found out about the images asked for so far.
/// - Throws: ``PlanningError``, or ``DockerfileError`` for words that cannot be expanded.
package func plan(
  _ dockerfile: Dockerfile, options: PlanningOptions, images: [BaseImageRequest: BaseImage] = [:]
) throws -> PlanningResult {
  let graph = StageGraph(dockerfile, options)
  let scope = try GlobalScope(options, arguments: graph.globals)
  let target = try graph.target()
  var survey = Survey(graph: graph, scope: scope, images: images)
  try survey.visit(from: target)
  guard survey.needs.isEmpty else { return .needs(survey.needs) }
  let stages = try survey.builtStages(target: target)
  let warnings = survey.warnings(dockerfile)
  return .plan(BuildPlan(stages: stages, target: Stage.ID(target)), warnings: warnings)
}

/// Finds the stages and images that the target needs, then builds the stages from them.
private struct Survey {
  let graph: StageGraph
  let scope: GlobalScope
  let images: [BaseImageRequest: BaseImage]
  private var bases: [Int: StageGraph.Base] = [:]
  /// The instructions of each needed stage, the triggers of its base first.
  private var instructions: [Int: [Instruction]] = [:]
  private(set) var needs: [BaseImageRequest] = []

  init(graph: StageGraph, scope: GlobalScope, images: [BaseImageRequest: BaseImage]) {
    self.graph = graph
    self.scope = scope
    self.images = images
  }

  /// Stages only use earlier ones, so one pass backwards sees everything.
  mutating func visit(from target: Int) throws {
    var isNeeded = [Bool](repeating: false, count: target + 1)
    isNeeded[target] = true
    for index in stride(from: target, through: 0, by: -1) where isNeeded[index] {
      let base = try graph.base(of: index, scope)
      bases[index] = base
      if case .stage(let earlier) = base { isNeeded[earlier] = true }
      if case .image(let request) = base, images[request] == nil { need(request) }
      let own = graph.nodes[index].instructions
      let all = try triggers(of: base, in: index) + own
      instructions[index] = all
      for instruction in all {
        for word in Self.origins(of: instruction) {
          switch try graph.origin(word, in: index) {
          case .stage(let earlier): isNeeded[earlier] = true
          case .image(let request): if images[request] == nil { need(request) }
          case .namedContext: break
          }
        }
      }
    }
    needs.sort { $0.source.start < $1.source.start }
  }

  private mutating func need(_ request: BaseImageRequest) {
    if !needs.contains(request) { needs.append(request) }
  }

  /// The names behind `from`.
  private static func origins(of instruction: Instruction) -> [Word] {
    switch instruction.body {
    case .copy(let copy): copy.from.map { [$0] } ?? []
    case .run(let run):
      run.mounts.compactMap { mount in
        mount.fields.first { $0.key == "from" }?.value.flatMap { $0.text.isEmpty ? nil : $0 }
      }
    default: []
    }
  }

  private func triggers(of base: StageGraph.Base, in index: Int) throws -> [Instruction] {
    let place = graph.nodes[index].source.range
    let texts: [String] =
      switch base {
      case .scratch: []
      case .image(let request): images[request]?.configuration.config.onBuild ?? []
      case .stage(let earlier):
        graph.nodes[earlier].instructions.compactMap { instruction in
          if case .onBuild(let trigger) = instruction.body { trigger.text } else { nil }
        }
      }
    return try texts.map { try Instruction(trigger: $0, at: place) }
  }

  /// In the order of the file; each stage after those it uses.
  func builtStages(target: Int) throws -> [Stage] {
    var built: [Int: StageBuilder] = [:]
    var stages: [Stage] = []
    for index in bases.keys.sorted() {
      var builder = try builder(for: index, built)
      for instruction in instructions[index] ?? [] {
        var origins: [String: FileOrigin] = [:]
        for word in Self.origins(of: instruction) {
          origins[word.text] = fileOrigin(try graph.origin(word, in: index))
        }
        try builder.apply(instruction, origins: origins)
      }
      if index == target {
        builder.configuration.config.labels.merge(graph.options.labels) { $1 }
      }
      built[index] = builder
      stages.append(stage(index, builder))
    }
    return stages
  }

  private func builder(for index: Int, _ built: [Int: StageBuilder]) throws -> StageBuilder {
    let asked = try graph.platform(of: index, scope)
    switch bases[index] {
    case .stage(let earlier):
      if let parent = built[earlier] { return StageBuilder(on: parent) }
    case .image(let request):
      if let image = images[request] {
        return StageBuilder(
          configuration: image.configuration, platform: request.platform, scope: scope)
      }
    case .scratch, nil: break
    }
    let platform = asked ?? graph.options.platform
    var configuration = ImageConfiguration(platform: platform)
    configuration.config.workingDirectory = "/"
    return StageBuilder(configuration: configuration, platform: platform, scope: scope)
  }

  private func fileOrigin(_ origin: StageGraph.Origin) -> FileOrigin? {
    switch origin {
    case .stage(let index): .stage(Stage.ID(index))
    case .image(let request): images[request].map(FileOrigin.image)
    case .namedContext(let name): .namedContext(name)
    }
  }

  private func stage(_ index: Int, _ builder: StageBuilder) -> Stage {
    let node = graph.nodes[index]
    let base: Stage.Base =
      switch bases[index] {
      case .stage(let earlier): .stage(Stage.ID(earlier))
      case .image(let request): images[request].map(Stage.Base.image) ?? .scratch
      case .scratch, nil: .scratch
      }
    return Stage(
      id: Stage.ID(index), name: node.from.name?.text, base: base, platform: builder.platform,
      steps: builder.steps, configuration: builder.configuration, source: node.source.range)
  }
}

extension Survey {
  /// Of what was given or written and has no effect.
  func warnings(_ dockerfile: Dockerfile) -> [Diagnostic] {
    ignoredPlatforms + unusedArguments(dockerfile)
  }

  private var ignoredPlatforms: [Diagnostic] {
    bases.keys.sorted().compactMap { index in
      guard case .stage(let earlier) = bases[index], let word = graph.nodes[index].from.platform,
        let asked = try? graph.platform(of: index, scope),
        asked != (try? rootPlatform(of: earlier))
      else { return nil }
      return Diagnostic(
        "--platform has no effect: the stage goes on with the platform of the stage it is based on",
        severity: .warning, at: word.range)
    }
  }

  private func rootPlatform(of index: Int) throws -> Platform {
    var index = index
    while case .stage(let earlier) = bases[index] { index = earlier }
    return try graph.platform(of: index, scope) ?? graph.options.platform
  }

  private func unusedArguments(_ dockerfile: Dockerfile) -> [Diagnostic] {
    let written = dockerfile.instructions + instructions.values.flatMap { $0 }
    let declared = Set(
      written.flatMap { instruction -> [String] in
        guard case .arg(let list) = instruction.body else { return [] }
        return list.map(\.name.text)
      })
    let platforms = Set(scope.variables.names)
    return scope.given.names.compactMap { name in
      let isUsed =
        declared.contains(name) || platforms.contains(name) || ProxyArguments.contains(name)
        || name.hasPrefix("BUILDKIT_") || name == "SOURCE_DATE_EPOCH"
      if isUsed { return nil }
      let near = nearest(to: name, among: declared.sorted())
      return Diagnostic(
        "the build argument \"\(name)\" is not used: no ARG declares it", severity: .warning,
        help: near.map { "did you mean \($0)?" })
    }
  }
}
