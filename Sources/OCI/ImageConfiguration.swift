// SPDX-License-Identifier: Apache-2.0

/// What an image is besides its files: how to run it, its layers' diff IDs, its history.
///
/// Fields this type does not know survive a round trip in ``other``.
/// OCI image-spec v1.1, config.md; Docker Image Specification v1.2 for `Healthcheck`, `OnBuild`
/// and `Shell`.
package struct ImageConfiguration: Hashable, Sendable {
  /// RFC 3339.
  package var created: String?
  package var author: String?
  package var platform: Platform
  package var config: RunConfiguration
  /// Lowest layer first.
  package var diffIDs: [Digest]
  package var history: [History]
  package var other: [String: JSONValue]

  package init(platform: Platform) {
    self.platform = platform
    self.config = RunConfiguration()
    self.diffIDs = []
    self.history = []
    self.other = [:]
  }

  /// OCI image-spec v1.1, config.md, "history".
  package struct History: Hashable, Sendable, Codable {
    package var created: String?
    package var createdBy: String?
    package var author: String?
    package var comment: String?
    /// The instruction left no layer.
    package var emptyLayer: Bool?

    enum CodingKeys: String, CodingKey {
      case created, author, comment
      case createdBy = "created_by"
      case emptyLayer = "empty_layer"
    }

    package init(created: String?, createdBy: String?, comment: String? = nil, emptyLayer: Bool) {
      self.created = created
      self.createdBy = createdBy
      self.comment = comment
      self.emptyLayer = emptyLayer ? true : nil
    }
  }
}

/// The `config` object: what a container made from the image starts with.
package struct RunConfiguration: Hashable, Sendable {
  package var user = ""
  /// `8080/tcp`.
  package var exposedPorts: Set<String> = []
  /// `NAME=value`, in order, names unique.
  package var environment: [String] = []
  package var entrypoint: [String]?
  package var command: [String]?
  package var volumes: Set<String> = []
  package var workingDirectory = ""
  package var labels: [String: String] = [:]
  package var stopSignal: String?
  package var healthcheck: Healthcheck?
  package var onBuild: [String] = []
  package var shell: [String]?
  package var other: [String: JSONValue] = [:]

  package init() {}

  /// The value of an environment variable.
  package func environmentValue(_ name: String) -> String? {
    let prefix = name + "="
    return environment.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// Sets a variable where it stands, or at the end.
  package mutating func setEnvironment(_ name: String, _ value: String) {
    let prefix = name + "="
    if let index = environment.firstIndex(where: { $0.hasPrefix(prefix) }) {
      environment[index] = prefix + value
    } else {
      environment.append(prefix + value)
    }
  }
}

/// How a container is asked whether it is well; times in nanoseconds, as Docker writes them.
package struct Healthcheck: Hashable, Sendable, Codable {
  /// `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", command]`.
  package var test: [String]?
  package var intervalInNanoseconds: Int64?
  package var timeoutInNanoseconds: Int64?
  package var startPeriodInNanoseconds: Int64?
  package var startIntervalInNanoseconds: Int64?
  package var retries: Int?

  enum CodingKeys: String, CodingKey {
    case test = "Test"
    case intervalInNanoseconds = "Interval"
    case timeoutInNanoseconds = "Timeout"
    case startPeriodInNanoseconds = "StartPeriod"
    case startIntervalInNanoseconds = "StartInterval"
    case retries = "Retries"
  }

  package init(test: [String]?) { self.test = test }
}
