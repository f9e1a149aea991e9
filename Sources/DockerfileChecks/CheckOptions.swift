// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import OCI

/// What is known of a build besides its Dockerfile.
package struct CheckOptions: Sendable {
  package enum IgnoreRules: Sendable {
    /// Nobody looked for an ignore file.
    case unknown
    case absent
    case present(IgnoreFile)
  }

  package var buildArguments: [String: String]
  /// A stage's name or position; nil for the last.
  package var target: String?
  package var platform: Platform
  package var buildPlatform: Platform
  /// The names of other contexts, which go before stages and images.
  package var namedContexts: Set<String>
  package var ignoreRules: IgnoreRules
  /// The names of the variables that base images set, by what `FROM` names after expansion.
  package var imageEnvironments: [String: Set<String>]

  package init(
    buildArguments: [String: String] = [:], target: String? = nil, platform: Platform = .host,
    buildPlatform: Platform = .host, namedContexts: Set<String> = [],
    ignoreRules: IgnoreRules = .unknown, imageEnvironments: [String: Set<String>] = [:]
  ) {
    self.buildArguments = buildArguments
    self.target = target
    self.platform = platform
    self.buildPlatform = buildPlatform
    self.namedContexts = namedContexts
    self.ignoreRules = ignoreRules
    self.imageEnvironments = imageEnvironments
  }
}
