// SPDX-License-Identifier: Apache-2.0

extension BuildPlan {
  /// One plan for what several plans do, such as those for several platforms. Stages that are equal,
  /// what they stand on and copy from included, are built once.
  ///
  /// - Parameter plans: At least one.
  package static func merging(_ plans: [BuildPlan]) -> BuildPlan {
    precondition(!plans.isEmpty, "nothing to merge")
    if plans.count == 1 { return plans[0] }
    var merged = BuildPlan(stages: [], targets: [])
    // By all that a stage is but its ID.
    var known: [Stage: Stage.ID] = [:]
    for plan in plans {
      var ids: [Stage.ID: Stage.ID] = [:]
      for stage in plan.stages {
        var stage = stage.renaming(ids)
        let old = stage.id
        stage.id = Stage.ID(0)
        if let same = known[stage] {
          ids[old] = same
          continue
        }
        let id = Stage.ID(merged.stages.count)
        known[stage] = id
        ids[old] = id
        stage.id = id
        merged.stages.append(stage)
      }
      merged.targets += plan.targets.compactMap { ids[$0] }
    }
    return merged
  }
}

extension Stage {
  /// With other IDs for the stages it uses.
  fileprivate func renaming(_ ids: [Stage.ID: Stage.ID]) -> Stage {
    var stage = self
    if case .stage(let id) = base, let new = ids[id] { stage.base = .stage(new) }
    stage.steps = steps.map { step in
      var step = step
      switch step.action {
      case .copy(var copy):
        copy.origin = copy.origin.renaming(ids)
        step.action = .copy(copy)
      case .run(var run):
        run.mounts = run.mounts.map { $0.renaming(ids) }
        step.action = .run(run)
      case .configure, .makeWorkingDirectory: break
      }
      return step
    }
    return stage
  }
}

extension FileOrigin {
  fileprivate func renaming(_ ids: [Stage.ID: Stage.ID]) -> FileOrigin {
    if case .stage(let id) = self, let new = ids[id] { return .stage(new) }
    return self
  }
}

extension RunMount {
  fileprivate func renaming(_ ids: [Stage.ID: Stage.ID]) -> RunMount {
    var mount = self
    switch content {
    case .files(let origin, let path): mount.content = .files(origin.renaming(ids), path: path)
    case .cache(var cache):
      if let seed = cache.seed { cache.seed?.origin = seed.origin.renaming(ids) }
      mount.content = .cache(cache)
    case .temporary, .secret, .agent: break
    }
    return mount
  }
}
