// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Images
import Layers
import LinuxSystem
import OCI

/// What is left of a stage when its steps are done.
struct StageResult: Sendable {
  /// Lowest first.
  var layers: [StageLayer]
  /// Complete but for the diff IDs.
  var configuration: ImageConfiguration
  var format: ImageFormat
  /// Of everything that went into the stage.
  var newestInput: FileTime
  var ranCommand: Bool
}

/// Carries out the steps of one stage, on a thread of its own.
actor StageBuilder {
  private let executor = ThreadExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  let stage: Stage
  /// Its layers end up in the image, so they are written as soon as they are there.
  private let isInImage: Bool
  let earlier: [Stage.ID: StageResult]
  let surroundings: Executor.Surroundings
  let options: ExecutionOptions
  private let blobs: ChangeSetBlobs
  let report: @Sendable (BuildEvent) -> Void

  let files: LayeredFiles
  private let baseFormat: ImageFormat
  private var history: [ImageConfiguration.History]
  var newestInput: FileTime
  var ranCommand: Bool
  /// Where commands run without namespaces; made for the first of them.
  var recordedRoot: RecordedStepRoot?
  /// What mounts of the stage show that nobody can change, by what it is.
  var mountedFiles: [AnyHashable: PathBytes] = [:]
  /// Where it lies; removed at the end.
  var mountedDirectories: [PathBytes] = []
  /// Known to be there.
  var workingDirectories: Set<String> = ["/"]

  init(
    _ stage: Stage, isInImage: Bool, earlier: [Stage.ID: StageResult],
    surroundings: Executor.Surroundings, options: ExecutionOptions, blobs: ChangeSetBlobs,
    report: @escaping @Sendable (BuildEvent) -> Void
  ) {
    self.stage = stage
    self.isInImage = isInImage
    self.earlier = earlier
    self.surroundings = surroundings
    self.options = options
    self.blobs = blobs
    self.report = report
    let base = Self.base(of: stage, earlier: earlier, images: surroundings.images)
    files = LayeredFiles(
      layers: base.layers, unpacked: surroundings.unpacked, fetcher: surroundings.fetcher)
    baseFormat = base.format
    history = base.configuration.history
    newestInput = base.newestInput
    ranCommand = base.ranCommand
  }

  /// What the stage begins with, as if an earlier one had made it.
  private static func base(
    of stage: Stage, earlier: [Stage.ID: StageResult],
    images: [BaseImageRequest: ResolvedImage]
  ) -> StageResult {
    switch stage.base {
    case .scratch:
      return StageResult(
        layers: [], configuration: stage.configuration, format: .docker,
        newestInput: FileTime(seconds: 0), ranCommand: false)
    case .image(let base):
      guard let resolved = images[base.request] else {
        preconditionFailure("the plan names an image nobody resolved")
      }
      let created = resolved.image.configuration.created.flatMap(Timestamp.seconds) ?? 0
      return StageResult(
        layers: resolved.layers.map { .blob($0, isOfBase: true) },
        configuration: resolved.image.configuration, format: resolved.image.format,
        newestInput: FileTime(seconds: created), ranCommand: false)
    case .stage(let id):
      guard let result = earlier[id] else {
        preconditionFailure("the stage was started before the one it stands on")
      }
      return result
    }
  }

  func run() async throws -> StageResult {
    report(.stageStarted(stage))
    // Also before the stages that stand on this one begin: they take over its files.
    defer {
      removeRecordedRoot()
      for directory in mountedDirectories { try? removeTree(directory) }
    }
    try await withThrowingTaskGroup(of: Void.self) { background in
      for (number, step) in stage.steps.enumerated() {
        try Task.checkCancellation()
        let id = BuildEvent.StepID(stage: stage.id, step: number)
        report(.stepStarted(id, step))
        let layer = try await naming(step) { try await perform(step, id) }
        history.append(
          ImageConfiguration.History(
            created: nil, createdBy: step.createdBy, emptyLayer: layer == nil))
        if case .changes(let changes) = layer, isInImage {
          background.addTask { [blobs] in _ = try await blobs.blob(of: changes) }
        }
        let size = layer == nil ? nil : try await files.topSizeInBytes()
        report(.stepFinished(id, step, layerSizeInBytes: size))
      }
      removeRecordedRoot()
      try await background.waitForAll()
    }
    report(.stageFinished(stage))
    return result()
  }

  private func removeRecordedRoot() {
    recordedRoot?.remove()
    recordedRoot = nil
  }

  /// - Returns: The layer the step left, which is on top of ``files`` already; nil for none.
  private func perform(_ step: Step, _ id: BuildEvent.StepID) async throws -> StageLayer? {
    switch step.action {
    case .configure: nil
    case .run(let run): try await perform(run, step, id)
    case .copy(let copy): try await perform(copy, step, id)
    case .makeWorkingDirectory(let directory): try await perform(directory, step)
    }
  }

  private func result() -> StageResult {
    let created =
      switch options.timestamps {
      case .fixed(let time): time.seconds
      case .ofInputs: ranCommand ? FileTime.now.seconds : newestInput.seconds
      }
    let text = Timestamp.text(seconds: created)
    var configuration = stage.configuration
    configuration.created = text
    configuration.history = history.map { entry in
      var entry = entry
      entry.created = entry.created ?? text
      return entry
    }
    return StageResult(
      layers: files.layers, configuration: configuration, format: baseFormat,
      newestInput: newestInput, ranCommand: ranCommand)
  }

  /// The time of what has none of its own.
  var impliedTime: FileTime {
    options.timestamps.latest ?? FileTime(seconds: newestInput.seconds)
  }

  func users() async throws -> UserDatabase {
    UserDatabase(
      passwd: try await files.contents(of: "etc/passwd") ?? [],
      group: try await files.contents(of: "etc/group") ?? [])
  }

  /// Writes a layer whose entries `fill` adds, and puts it on top.
  ///
  /// - Parameter fill: Applies each entry to the tree as it adds it.
  func writeLayer(
    _ tree: FileTree, _ fill: (inout LayerWriter<BlobSink>) async throws -> Void
  ) async throws -> StageLayer {
    tree.beginLayer()
    do {
      var writer = try LayerBlobWriter(
        to: surroundings.fetcher.store, compressingOn: surroundings.compression,
        options.timestamps)
      try await fill(&writer.layer)
      let written = try writer.finish()
      let made = StageLayer.blob(written.reference, isOfBase: false)
      try await surroundings.unpacked.remember(written.entries, of: written.reference.diffID)
      try files.append(made, isInTree: true, entries: written.entries)
      return made
    } catch {
      files.forgetTree()
      throw error
    }
  }
}
