// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// What a plan depends on besides the Dockerfile and the base images.
package struct PlanningOptions: Sendable {
  /// With their values; of one name the last counts.
  package var buildArguments: [(name: String, value: String)]
  /// A stage's name or position; nil for the last stage.
  package var target: String?
  /// What the image is for.
  package var platform: Platform
  /// Where the build runs.
  package var buildPlatform: Platform
  /// Put on the result, over its own.
  package var labels: [String: String]
  /// The names of other contexts; they come before stages and images.
  package var contexts: [String: Context]

  package enum Context: Hashable, Sendable {
    case directory, image
  }

  /// For a RUN that does not say.
  package var network: RunNetwork

  package init(
    buildArguments: [(name: String, value: String)] = [], target: String? = nil,
    platform: Platform = .host, buildPlatform: Platform = .host, labels: [String: String] = [:],
    contexts: [String: Context] = [:], network: RunNetwork = .host
  ) {
    self.network = network
    self.contexts = contexts
    self.buildArguments = buildArguments
    self.target = target
    self.platform = platform
    self.buildPlatform = buildPlatform
    self.labels = labels
  }
}

package enum PlanningResult: Sendable {
  /// Nothing can be said before these are known; each is asked for once, in the order of the file.
  case needs([BaseImageRequest])
  case plan(BuildPlan, warnings: [Diagnostic])
}
