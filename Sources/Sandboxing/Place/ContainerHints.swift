// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What tells that this is a container, and whose.
package struct ContainerHints: Hashable, Sendable {
  package enum Runtime: String, Hashable, Sendable {
    case docker, podman, kubernetes, other
  }

  /// Nil for a machine that looks like no container.
  package var runtime: Runtime?
  /// A token of the cluster's API server lies in the file system.
  package var hasServiceAccountToken: Bool

  package init(runtime: Runtime? = nil, hasServiceAccountToken: Bool = false) {
    self.runtime = runtime
    self.hasServiceAccountToken = hasServiceAccountToken
  }

  /// - Parameters:
  ///   - environment: `NAME=value`.
  ///   - exists: Whether a file is there.
  package init(environment: [String], mounts: [Mount], exists: (PathBytes) -> Bool) {
    hasServiceAccountToken = Self.tokens.contains(where: exists)
    let names = Set(environment.map { $0.prefix { $0 != "=" } })
    let root = mounts.last { $0.point.bytes == [0x2F] }
    if hasServiceAccountToken || names.contains("KUBERNETES_SERVICE_HOST")
      || mounts.contains(where: { $0.root.description.contains("/kubernetes.io~") })
    {
      runtime = .kubernetes
    } else if exists("/.dockerenv") {
      runtime = .docker
    } else if exists("/run/.containerenv") {
      runtime = .podman
    } else if root?.type == "overlay" || names.contains("container") {
      runtime = .other
    }
  }

  private static let tokens: [PathBytes] = [
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/run/secrets/kubernetes.io/serviceaccount/token",
  ]
}
