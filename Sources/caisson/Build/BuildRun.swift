// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Images
import Layers
import LinuxSystem
import OCI
import Sandboxing

/// Builds an image and sends it where it shall go.
func runBuild(_ options: BuildOptions, log: Log, progress: ProgressReporter) async throws
  -> BuildReport
{
  let start = ContinuousClock.now
  let place = try StorePlace(options)
  // Here, since a thread that nobody waits for may be the last to let go of the store.
  defer { place.close() }
  let store = place.store
  if place.isTemporary {
    log.info("Keeping layers and temporary files until the build ends in \(store.directory)")
  }
  let fetcher = BlobFetcher(store: store)
  let workers = WorkerThreads(count: 4)
  let secrets = try options.commands.secrets.mapValues { try $0.secret }
  let remotes = RemoteFetcher(
    store: store, options: try options.registry.clientOptions().http, secrets: secrets,
    environment: processEnvironment())
  let inputs = try await BuildInputs(options, store: store, remotes: remotes)
  if let ignoreFile = inputs.ignoreFile {
    progress.post(.phase(.usingIgnoreFile(ignoreFile.source.name)))
  }
  let registries = try RegistryConnection(options.registry, log: log) {
    progress.post(.warning($0))
  }
  let outputs = Outputs(
    options, registries: registries, fetcher: fetcher, workers: workers, progress: progress,
    log: log)
  return try await locatingErrors(in: inputs.dockerfile, ignoring: inputs.ignoreFile) {
    let dockerfile = try Dockerfile(parsing: inputs.dockerfile)
    let supply = ImageSupply(
      dockerfile: inputs.dockerfile, stageNames: dockerfile.stageNames,
      namedContexts: options.namedContexts, usesStore: options.command == .build,
      registries: registries, fetcher: fetcher, workers: workers, progress: progress)
    let (plan, resolved) = try await makePlan(dockerfile, options, supply, progress)
    try warnOfFindings(
      dockerfile, options, ignoring: inputs.ignoreFile, resolved, progress)
    try await outputs.checkAccess()
    var surroundings = try makeSurroundings(options, inputs, plan, resolved, fetcher, log)
    surroundings.contexts = try await namedDirectories(options, plan, store, remotes)
    surroundings.secrets = secrets
    surroundings.agents = options.commands.agents
    surroundings.remotes = remotes
    surroundings.foreignPrograms = .current()
    let built = try await execute(plan, surroundings, options, progress)
    let images =
      built.count == 1
      ? ImageSet(built[0].image)
      : try ImageSet(
        indexing: built.map(\.image), for: options.platforms,
        annotations: options.indexAnnotations.isEmpty ? nil : options.indexAnnotations)
    let places = try await outputs.write(images, built, surroundings)
    if options.destinations.isEmpty { progress.post(.phase(.pushSkipped)) }
    return BuildReport(
      manifest: images.top.descriptor,
      configurationDigest: images.index == nil ? built[0].image.manifest.config.digest : nil,
      sizeInBytes: images.sizeInBytes, layerCount: built.reduce(0) { $0 + $1.layers.count },
      places: places,
      duration: ContinuousClock.now - start,
      stepCount: plan.stages.reduce(0) { $0 + $1.steps.count })
  }
}

/// Plans for every platform, fetching what planning asks for, until there is a plan.
func makePlan(
  _ dockerfile: Dockerfile, _ options: BuildOptions, _ supply: ImageSupply,
  _ progress: ProgressReporter
) async throws -> (BuildPlan, [BaseImageRequest: ResolvedImage]) {
  var plans: [BuildPlan] = []
  var images: [BaseImageRequest: ResolvedImage] = [:]
  var warned: Set<Diagnostic> = []
  for platform in options.platforms {
    let planning = options.planning(for: platform)
    planned: while true {
      let known = Dictionary(
        uniqueKeysWithValues: images.map { request, resolved in
          (
            request,
            BaseImage(
              request: request, digest: resolved.image.digest,
              configuration: resolved.image.configuration)
          )
        })
      switch try plan(dockerfile, options: planning, images: known) {
      case .plan(let plan, let warnings):
        for warning in warnings where warned.insert(warning).inserted {
          progress.post(.warning(dockerfile.located(warning)))
        }
        plans.append(plan)
        break planned
      case .needs(let requests):
        try await withThrowingTaskGroup(of: (BaseImageRequest, ResolvedImage).self) { group in
          for request in requests {
            group.addTask { (request, try await supply.resolve(request)) }
          }
          for try await (request, resolved) in group { images[request] = resolved }
        }
      }
    }
  }
  return (BuildPlan.merging(plans), images)
}

private func makeSurroundings(
  _ options: BuildOptions, _ inputs: BuildInputs, _ plan: BuildPlan,
  _ images: [BaseImageRequest: ResolvedImage], _ fetcher: BlobFetcher, _ log: Log
) throws -> Executor.Surroundings {
  let format: OverlayFormat = UserNamespace.isInitial() ? .trusted : .user
  return Executor.Surroundings(
    context: try BuildContext(
      directory: inputs.directory, filter: inputs.ignoreFile?.filter ?? PathFilter(),
      hiding: fetcher.store.directory),
    images: images, fetcher: fetcher,
    unpacked: try UnpackedLayers(fetcher: fetcher, format: format),
    sandbox: try selectSandbox(
      options.sandbox, for: plan, store: fetcher.store.directory, log: log),
    compression: WorkerThreads(count: onlineProcessors()))
}

/// The directories that the plan takes files from by a name of `--build-context`.
private func namedDirectories(
  _ options: BuildOptions, _ plan: BuildPlan, _ store: ContentStore, _ remotes: any RemoteSources
) async throws -> [String: BuildContext] {
  var contexts: [String: BuildContext] = [:]
  for name in plan.namedContexts {
    guard let context = options.namedContexts[name],
      let path = try await BuildInputs.directory(of: context, store, remotes)
    else { preconditionFailure("the plan names a context that was not given") }
    let ignoreFile = try BuildInputs.ignoreFile(
      ofNamedContext: path, isFetched: context != .directory(path))
    contexts[name] = try BuildContext(
      directory: path, filter: ignoreFile?.filter ?? PathFilter(), hiding: store.directory,
      name: name)
  }
  return contexts
}

private func execute(
  _ plan: BuildPlan, _ surroundings: Executor.Surroundings, _ options: BuildOptions,
  _ progress: ProgressReporter
) async throws -> [BuiltImage] {
  let translator = EventTranslator(plan, progress)
  var execution = ExecutionOptions(
    timestamps: options.timestamps, squashes: options.takesSingleSnapshot,
    format: options.imageFormat, passesOutputThrough: options.command == .executor,
    commands: options.commands.settings)
  execution.annotations = options.annotations
  let executor = Executor(surroundings, options: execution) { translator.post($0) }
  do {
    return try await executor.run(plan)
  } catch {
    throw located(error, at: translator.failRunningSteps())
  }
}

extension CommandOptions.SecretSource {
  fileprivate var secret: BuildSecret {
    get throws {
      switch self {
      case .value(let text): BuildSecret(Array(text.utf8))
      case .file(let path):
        BuildSecret(
          try opening("the secret's file", path) {
            try contents(of: path, limit: BuildSecret.mostBytes)
          })
      }
    }
  }
}

extension NamedContext {
  fileprivate var planned: PlanningOptions.Context {
    switch self {
    case .directory, .repository, .address: .directory
    case .image, .layout, .located, .rootFileSystem: .image
    }
  }
}

extension BuildOptions {
  fileprivate func planning(for platform: Platform) -> PlanningOptions {
    PlanningOptions(
      buildArguments: buildArguments.sorted { $0.key < $1.key }
        .map { (name: $0.key, value: $0.value) },
      target: target, platform: platform, labels: labels,
      contexts: namedContexts.mapValues(\.planned), network: commands.network)
  }

  fileprivate var timestamps: ExecutionOptions.Timestamps {
    if let sourceDateEpoch { return .fixed(FileTime(seconds: sourceDateEpoch)) }
    return isReproducible ? .fixed(FileTime(seconds: 0)) : .ofInputs
  }
}
