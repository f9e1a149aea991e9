// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileSyntax
import OCI

/// Plans a Dockerfile whose base images are made up on the spot.
struct Planning {
  var options = PlanningOptions(
    platform: Platform(os: "linux", architecture: "amd64"),
    buildPlatform: Platform(os: "linux", architecture: "arm64"))
  /// By name; others are empty images with a `PATH` of `/bin`.
  var configurations: [String: ImageConfiguration] = [:]
  /// What was asked for, round by round.
  var rounds: [[String]] = []
  var warnings: [Diagnostic] = []

  mutating func plan(_ text: String) throws -> BuildPlan {
    let dockerfile = try Dockerfile(parsing: text)
    var images: [BaseImageRequest: BaseImage] = [:]
    while true {
      switch try BuildPlanning.plan(dockerfile, options: options, images: images) {
      case .plan(let plan, let warnings):
        self.warnings = warnings
        return plan
      case .needs(let requests):
        guard !requests.isEmpty, rounds.count < 9 else { throw Stuck() }
        rounds.append(requests.map { "\($0.name) \($0.platform)" })
        for request in requests { images[request] = image(request) }
      }
    }
  }

  mutating func target(_ text: String) throws -> Stage {
    guard let stage = try plan(text).stages.last else { throw Stuck() }
    return stage
  }

  private func image(_ request: BaseImageRequest) -> BaseImage {
    var configuration = ImageConfiguration(platform: request.platform)
    configuration.config.environment = ["PATH=/bin"]
    return BaseImage(
      request: request, digest: Digest.of(Array(request.name.utf8)),
      configuration: configurations[request.name] ?? configuration)
  }

  struct Stuck: Error {}
}

extension Stage {
  var runs: [RunStep] {
    steps.compactMap { if case .run(let run) = $0.action { run } else { nil } }
  }

  var copies: [CopyStep] {
    steps.compactMap { if case .copy(let copy) = $0.action { copy } else { nil } }
  }

  var history: [String] { steps.map(\.createdBy) }
}
