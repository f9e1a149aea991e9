// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Images
import LinuxSystem
import OCI
import Sandboxing

/// What a build may choose about its result.
package struct ExecutionOptions: Sendable {
  package enum Timestamps: Hashable, Sendable {
    /// Files keep the times of their sources; the image is as old as its newest input, or of now
    /// once a command ran.
    case ofInputs
    /// Nothing is later than this, and the image is exactly as old: equal inputs, equal digests.
    case fixed(FileTime)
  }

  package var timestamps: Timestamps
  /// Everything above the base becomes one layer.
  package var squashes: Bool
  /// Nil for the format of the base image, Docker's for scratch.
  package var format: ImageFormat?
  /// Commands write to this process's own standard output and error, unseen.
  package var passesOutputThrough: Bool
  package var commands: CommandSettings
  /// Of the manifest.
  package var annotations: [String: String] = [:]

  package init(
    timestamps: Timestamps = .ofInputs, squashes: Bool = false, format: ImageFormat? = nil,
    passesOutputThrough: Bool = false, commands: CommandSettings = CommandSettings()
  ) {
    self.commands = commands
    self.timestamps = timestamps
    self.squashes = squashes
    self.format = format
    self.passesOutputThrough = passesOutputThrough
  }
}

/// What all commands of a build have.
package struct CommandSettings: Hashable, Sendable {
  /// More lines for `/etc/hosts`.
  package var hosts: [String] = []
  package var limits: [SandboxLimit] = []
  /// Of `/dev/shm`; nil for 64 MiB.
  package var sharedMemorySizeInBytes: Int64?

  package init() {}
}

/// How commands are run, or why they cannot be.
package enum SandboxChoice: Sendable {
  case namespaces(NamespaceSandbox)
  case virtual(VirtualSandbox)
  case none(reason: String, help: String)
}

/// A finished image and where its layers are.
package struct BuiltImage: Sendable {
  package var image: Image
  /// Lowest first.
  package var layers: [LayerReference]
}

/// Carries out a plan.
package struct Executor: Sendable {
  /// The means of a build; stages share them.
  package struct Surroundings: Sendable {
    package var context: BuildContext
    /// By the names that `--build-context` gives them.
    package var contexts: [String: BuildContext]
    /// Every image the plan names.
    package var images: [BaseImageRequest: ResolvedImage]
    package var fetcher: BlobFetcher
    package var unpacked: UnpackedLayers
    package var sandbox: SandboxChoice
    /// Architectures other than the machine's that commands may be for.
    package var foreignPrograms = ForeignPrograms()
    /// By their IDs.
    package var secrets: [String: BuildSecret] = [:]
    /// Sockets of SSH agents, by their IDs.
    package var agents: [String: PathBytes] = [:]
    /// Nil where nothing can be fetched.
    package var remotes: (any RemoteSources)?
    /// Compresses blocks, and does nothing else.
    package var compression: WorkerThreads

    package init(
      context: BuildContext, contexts: [String: BuildContext] = [:],
      images: [BaseImageRequest: ResolvedImage], fetcher: BlobFetcher,
      unpacked: UnpackedLayers, sandbox: SandboxChoice, compression: WorkerThreads
    ) {
      self.contexts = contexts
      self.context = context
      self.images = images
      self.fetcher = fetcher
      self.unpacked = unpacked
      self.sandbox = sandbox
      self.compression = compression
    }
  }

  private let surroundings: Surroundings
  private let options: ExecutionOptions
  private let blobs: ChangeSetBlobs
  private let report: @Sendable (BuildEvent) -> Void

  package init(
    _ surroundings: Surroundings, options: ExecutionOptions,
    report: @escaping @Sendable (BuildEvent) -> Void
  ) {
    self.surroundings = surroundings
    self.options = options
    self.report = report
    blobs = ChangeSetBlobs(
      store: surroundings.fetcher.store, unpacked: surroundings.unpacked,
      compression: surroundings.compression, timestamps: options.timestamps)
  }

  /// Builds every stage of the plan, those that do not wait for each other side by side.
  ///
  /// - Returns: The images of the plan's targets, in their order.
  /// - Throws: The first failure; the other stages are cancelled then.
  package func run(_ plan: BuildPlan) async throws -> [BuiltImage] {
    let inImage = plan.stagesInImage
    var results: [Stage.ID: StageResult] = [:]
    var waiting = plan.stages
    try await withThrowingTaskGroup(of: (Stage.ID, StageResult).self) { group in
      func startReady() {
        waiting.removeAll { stage in
          guard stage.dependencies.allSatisfy({ results[$0] != nil }) else { return false }
          let builder = StageBuilder(
            stage, isInImage: inImage.contains(stage.id), earlier: results,
            surroundings: surroundings, options: options, blobs: blobs, report: report)
          group.addTask { (stage.id, try await builder.run()) }
          return true
        }
      }
      startReady()
      while let (id, result) = try await group.next() {
        results[id] = result
        startReady()
      }
    }
    var images: [BuiltImage] = []
    for id in plan.targets {
      guard let target = results[id] else {
        preconditionFailure("the plan has no target, or stages that wait for each other")
      }
      images.append(try await assemble(target))
    }
    return images
  }

  private func assemble(_ result: StageResult) async throws -> BuiltImage {
    var configuration = result.configuration
    let layers =
      if options.squashes {
        try await Squash(surroundings, options: options).layers(of: result, &configuration)
      } else {
        try await references(result.layers)
      }
    configuration.diffIDs = layers.map(\.diffID)
    let image = try Image(
      configuration: configuration, layers: layers.map(\.descriptor),
      format: options.format ?? result.format,
      annotations: options.annotations.isEmpty ? nil : options.annotations)
    return BuiltImage(image: image, layers: layers)
  }

  private func references(_ layers: [StageLayer]) async throws -> [LayerReference] {
    var references: [LayerReference] = []
    for layer in layers {
      switch layer {
      case .blob(let reference, _): references.append(reference)
      case .changes(let changes): references.append(try await blobs.blob(of: changes))
      }
    }
    return references
  }
}

extension BuildPlan {
  /// The targets and the stages they stand on: their layers end up in the images.
  fileprivate var stagesInImage: Set<Stage.ID> {
    let byID = Dictionary(uniqueKeysWithValues: stages.map { ($0.id, $0) })
    var found: Set<Stage.ID> = []
    for target in targets {
      var next: Stage.ID? = target
      while let id = next, found.insert(id).inserted {
        if case .stage(let base) = byID[id]?.base { next = base } else { next = nil }
      }
    }
    return found
  }
}

extension Stage {
  /// The stages this one stands on or copies from.
  fileprivate var dependencies: Set<Stage.ID> {
    var found: Set<Stage.ID> = []
    if case .stage(let id) = base { found.insert(id) }
    for step in steps {
      for case .stage(let id) in step.action.origins { found.insert(id) }
    }
    return found
  }
}
