// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Images
import LinuxSystem
import OCI

/// `caisson plan`: what a build would do.
struct PlanQuery: Hashable, Sendable {
  var options: BuildOptions
  var isJSON: Bool
}

enum PlanFlags {
  static let format = Option.choice(
    "format", ["text", "json"], standard: "text", .display, "how the plan is printed")
}

extension Command {
  static let plan = Command(
    path: ["plan"], summary: "Shows what a build would do: stages, steps, configuration.",
    synopsis: "[CONTEXT]", positionalCount: 0...1,
    options: [
      BuildFlags.file, BuildFlags.buildArgument, BuildFlags.buildContext, BuildFlags.target,
      BuildFlags.platform, BuildFlags.label, CommandOptions.network, SharedOptions.store,
      PlanFlags.format,
    ] + SharedOptions.registry,
    notes: [
      "The configurations of base images are fetched as for a build; no layer is, and nothing is run.",
      "Exit status: 0 done, 1 there is no such plan, 2 wrong usage, 3 network or machine failed.",
    ])
}

extension PlanQuery {
  init(_ arguments: ParsedArguments, _ surroundings: Surroundings) throws(CommandLineError) {
    options = try BuildOptions(build: arguments, surroundings)
    isJSON = arguments.value(of: PlanFlags.format) == "json"
  }
}

/// Writes the plan to standard output, and warnings to standard error.
func answer(_ query: PlanQuery) async throws {
  let options = query.options
  let place = try StorePlace(options)
  defer { place.close() }
  let fetcher = BlobFetcher(store: place.store)
  let progress = ProgressReporter { event in
    guard case .warning(let warning) = event else { return }
    StandardStream.error.show(warning.rendered() + "\n")
  }
  let remotes = RemoteFetcher(
    store: place.store, options: try options.registry.clientOptions().http, secrets: [:],
    environment: processEnvironment())
  let inputs = try await BuildInputs(options, store: place.store, remotes: remotes)
  let registries = try RegistryConnection(options.registry, log: .silent) {
    progress.post(.warning($0))
  }
  let plan = try await locatingErrors(in: inputs.dockerfile, ignoring: inputs.ignoreFile) {
    let dockerfile = try Dockerfile(parsing: inputs.dockerfile)
    let supply = ImageSupply(
      dockerfile: inputs.dockerfile, stageNames: dockerfile.stageNames,
      namedContexts: options.namedContexts, usesStore: true,
      registries: registries, fetcher: fetcher, workers: WorkerThreads(count: 2),
      progress: progress)
    let (plan, images) = try await makePlan(dockerfile, options, supply, progress)
    try warnOfFindings(
      dockerfile, options, ignoring: inputs.ignoreFile, images, progress)
    return plan
  }
  let output = query.isJSON ? try planJSON(plan) : Array(planText(plan).utf8)
  try StandardStream.output.write(output)
}
