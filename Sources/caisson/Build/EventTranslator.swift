// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import Synchronization

/// Turns what execution reports into what is shown: numbers for steps, durations, kaniko's phases.
final class EventTranslator: Sendable {
  private struct Steps {
    var numbers: [BuildEvent.StepID: StepID] = [:]
    var started: [BuildEvent.StepID: ContinuousClock.Instant] = [:]
    var hasUnpacked = false
  }

  private let plan: BuildPlan
  private let progress: ProgressReporter
  private let steps = Mutex(Steps())

  init(_ plan: BuildPlan, _ progress: ProgressReporter) {
    self.plan = plan
    self.progress = progress
  }

  func post(_ event: BuildEvent) {
    switch event {
    case .stageStarted(let stage):
      progress.post(.stageStarted(StageProgress(stage)))
      if !stage.hasRun { progress.post(.phase(.unpackingSkipped)) }
    case .stageFinished: break
    case .stepStarted(let id, let step): started(id, step)
    case .stepOutput(let id, let bytes, let isError):
      if let number = steps.withLock({ $0.numbers[id] }) {
        progress.post(.stepOutput(id: number, bytes: bytes, isError: isError))
      }
    case .stepFinished(let id, let step, let size): finished(id, step, size)
    }
  }

  /// Reports those under way when the build failed.
  ///
  /// - Returns: What the failure is about, when that is certain: the only step under way.
  func failRunningSteps() -> SourceRange? {
    let (running, ids) = steps.withLock { steps in
      (
        steps.started.compactMap { id, start in steps.numbers[id].map { ($0, start) } },
        Array(steps.started.keys)
      )
    }
    for (number, start) in running.sorted(by: { $0.0 < $1.0 }) {
      progress.post(.stepFailed(id: number, duration: ContinuousClock.now - start))
    }
    guard ids.count == 1, let id = ids.first,
      let stage = plan.stages.first(where: { $0.id == id.stage }),
      stage.steps.indices.contains(id.step)
    else { return nil }
    return stage.steps[id.step].source
  }

  var stepCount: Int { plan.stages.reduce(0) { $0 + $1.steps.count } }

  private func started(_ id: BuildEvent.StepID, _ step: Step) {
    let number = steps.withLock { steps in
      let number = StepID(steps.numbers.count + 1)
      steps.numbers[id] = number
      steps.started[id] = .now
      return number
    }
    guard let stage = plan.stages.first(where: { $0.id == id.stage }) else { return }
    var shown = StepProgress(
      text: step.text, stage: shownName(stage), number: id.step + 1, count: stage.steps.count)
    if case .run(let run) = step.action {
      if case .arguments(let arguments) = run.command { shown.arguments = arguments }
      let isFirst = stage.steps.firstIndex { $0.isRun } == id.step
      if isFirst { progress.post(.phase(.unpackingBase(instruction: step.text))) }
    }
    progress.post(.stepStarted(id: number, shown))
  }

  /// With the platform where there are several.
  private func shownName(_ stage: Stage) -> String {
    let name = stage.name ?? "stage-\(stage.position)"
    return plan.targets.count > 1 ? "\(stage.platform) \(name)" : name
  }

  private func finished(_ id: BuildEvent.StepID, _ step: Step, _ size: Int64?) {
    let (number, start) = steps.withLock { ($0.numbers[id], $0.started.removeValue(forKey: id)) }
    guard let number, let start else { return }
    switch step.action {
    case .run:
      progress.post(.phase(size == nil ? .noFilesChanged : .takingFullSnapshot))
    case .copy, .makeWorkingDirectory:
      if size != nil { progress.post(.phase(.takingFileSnapshot)) }
    case .configure: break
    }
    progress.post(
      .stepFinished(
        id: number,
        StepOutcome(duration: ContinuousClock.now - start, layerSizeInBytes: size)))
  }
}

extension Step {
  fileprivate var isRun: Bool { if case .run = action { true } else { false } }
}

extension Stage {
  var hasRun: Bool { steps.contains { if case .run = $0.action { true } else { false } } }
}

extension StageProgress {
  init(_ stage: Stage) {
    let (base, baseIndex): (String, Int?) =
      switch stage.base {
      case .scratch: ("scratch", nil)
      case .image(let image): (image.request.name, nil)
      case .stage(let id): ("stage \(id)", id.index)
      }
    self.init(
      index: stage.position, name: stage.name, base: base, baseIndex: baseIndex,
      stepCount: stage.steps.count)
  }
}
