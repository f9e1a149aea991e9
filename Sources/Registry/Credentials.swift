// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// One way to say who asks.
package enum Credential: Hashable, Sendable {
  case password(username: String, Secret)
  /// A refresh token, to be exchanged for access tokens.
  case identityToken(Secret)
  /// An access token that is used as it is.
  case registryToken(Secret)
}

/// Who we are at which registry.
package struct Credentials: Sendable {
  /// Keys are `host[:port][/path]` without scheme; Docker Hub is `docker.io`.
  private var entries: [String: Credential] = [:]
  /// Programs that know the credentials of a host; the empty host is all others.
  private var helpers: [String: String] = [:]
  /// Where this was read, for messages.
  package private(set) var files: [String] = []

  package init() {}

  package mutating func set(_ credential: Credential, for key: String) {
    entries[Self.normalized(key)] = credential
  }

  mutating func setHelper(_ name: String, for host: String?) {
    helpers[host.map(Self.normalized) ?? ""] = name
  }

  mutating func addFile(_ name: String) { files.append(name) }

  /// With the entries of `other` on top.
  package func merging(_ other: Credentials) -> Credentials {
    var merged = self
    merged.entries.merge(other.entries) { $1 }
    merged.helpers.merge(other.helpers) { $1 }
    merged.files += other.files
    return merged
  }

  /// The credential for a repository: the longest path that has one, else the host's.
  package func lookup(registry: String, repository: String) -> CredentialLookup {
    let keys = Self.keys(registry: registry, repository: repository)
    let credential = keys.lazy.compactMap { entries[$0] }.first
    let helper = helpers[keys.last ?? registry] ?? helpers[""]
    return CredentialLookup(
      credential: credential, keys: keys, files: files,
      helper: credential == nil ? helper : nil)
  }

  private static func keys(registry: String, repository: String) -> [String] {
    let host = normalized(registry)
    var keys = [host]
    var path = host
    for part in repository.split(separator: "/") {
      path += "/\(part)"
      keys.append(path)
    }
    return keys.reversed()
  }

  /// One spelling for what config files call a registry: `https://index.docker.io/v1/`.
  static func normalized(_ key: String) -> String {
    var name = Substring(key)
    for scheme in ["https://", "http://"] where name.hasPrefix(scheme) {
      name = name.dropFirst(scheme.count)
    }
    while name.hasSuffix("/") { name = name.dropLast() }
    for version in ["/v1", "/v2"] where name.hasSuffix(version) {
      name = name.dropLast(version.count)
    }
    let host = name.prefix { $0 != "/" }
    let isHub = ["index.docker.io", "registry-1.docker.io"].contains(host.lowercased())
    return (isHub ? ImageReference.dockerHub : host.lowercased()) + name.dropFirst(host.count)
  }
}

/// What was found for a repository, and where was looked.
package struct CredentialLookup: Hashable, Sendable {
  package var credential: Credential?
  /// Most specific first.
  package var keys: [String]
  package var files: [String]
  /// The helper that would have been asked; helpers are not run yet.
  package var helper: String?

  package init(
    credential: Credential? = nil, keys: [String] = [], files: [String] = [],
    helper: String? = nil
  ) {
    self.credential = credential
    self.keys = keys
    self.files = files
    self.helper = helper
  }

  /// Says that the registry will be asked without credentials although a helper is named.
  package var warning: Diagnostic? {
    helper.map {
      Diagnostic(
        "the credential helper \"docker-credential-\($0)\" is not run; "
          + "\(keys.last ?? "the registry") is asked without credentials",
        severity: .warning,
        help: "put the credentials under \"auths\" in the Docker configuration")
    }
  }
}
