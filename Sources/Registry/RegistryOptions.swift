// SPDX-License-Identifier: Apache-2.0

import OCI

/// How registries are reached; hosts are `host` or `host:port`, as in references.
package struct RegistryOptions: Sendable {
  package var http = HTTPOptions()
  /// Hosts that may be spoken to in plain HTTP; loopback hosts always may.
  package var insecureHosts: Set<String> = []
  package var allInsecurePush = false
  package var allInsecurePull = false
  package var skipTLSVerifyHosts: Set<String> = []
  package var skipTLSVerifyAll = false
  package var skipTLSVerifyPull = false
  /// Asked in order for images of Docker Hub, before Docker Hub itself; never pushed to.
  package var mirrors: [RegistryMirror] = []
  /// Whether Docker Hub is asked when no mirror has an answer.
  package var fallsBackToOriginal = true
  package var retry = RetryPolicy()
  /// Blobs moved at once; manifests do not count.
  package var parallelTransfers = 6

  package init() {}

  /// Whether `origin` may be spoken to without TLS.
  func allowsPlainHTTP(_ authority: String, access: RegistryAccess) -> Bool {
    isLoopback(host: hostName(authority)) || names(authority, in: insecureHosts)
      || (access == .push ? allInsecurePush : allInsecurePull)
  }

  func verifiesTLS(_ authority: String, access: RegistryAccess) -> Bool {
    !(skipTLSVerifyAll || (access == .pull && skipTLSVerifyPull)
      || names(authority, in: skipTLSVerifyHosts))
  }

  private func names(_ authority: String, in hosts: Set<String>) -> Bool {
    hosts.contains(authority) || hosts.contains(hostName(authority))
  }
}

/// `registry:5000` without its port; brackets of an IPv6 address stay.
func hostName(_ authority: String) -> String {
  if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
    return String(authority[...end])
  }
  return String(authority.prefix { $0 != ":" })
}

/// What a repository is touched for.
package enum RegistryAccess: String, Hashable, Sendable {
  case pull, push
}

/// Stands in for Docker Hub: `host[:port][/prefix]`.
package struct RegistryMirror: Hashable, Sendable {
  package var host: String
  /// Put before the repository's name, without slashes at its ends; may be empty.
  package var prefix: String

  /// - Returns: Nil for what cannot be a host and path, a scheme included.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let prefix = parts.count > 1 ? String(parts[1].trimmingSuffix("/")) : ""
    let name = prefix.isEmpty ? "name" : prefix
    // A dot or port would be needed for a host in a reference, but not here.
    let host = String(parts[0])
    let isShort = !host.contains(".") && !host.contains(":") && host != "localhost"
    guard let reference = ImageReference("\(isShort ? "\(host).x" : host)/\(name)"),
      reference.tag == nil, reference.digest == nil
    else { return nil }
    self.host = host
    self.prefix = prefix
  }
}

extension Substring {
  fileprivate func trimmingSuffix(_ suffix: String) -> Substring {
    hasSuffix(suffix) ? dropLast(suffix.count) : self
  }
}

/// A repository as it is reached: which host is asked, under which name.
package struct RepositoryEndpoint: Hashable, Sendable, CustomStringConvertible {
  /// As in references; credentials are looked up under it.
  package var registry: String
  package var name: String

  package init(registry: String, name: String) {
    self.registry = registry
    self.name = name
  }

  package init(_ reference: ImageReference) {
    self.init(registry: reference.registry, name: reference.repository)
  }

  /// Host and port that answer for the registry; Docker Hub's differ from its name.
  var authority: String {
    registry == ImageReference.dockerHub ? "registry-1.docker.io" : registry
  }

  package var description: String { "\(registry)/\(name)" }

  /// Where to look for `reference`, in order.
  static func candidates(for reference: ImageReference, options: RegistryOptions)
    -> [RepositoryEndpoint]
  {
    let original = RepositoryEndpoint(reference)
    guard reference.registry == ImageReference.dockerHub, !options.mirrors.isEmpty else {
      return [original]
    }
    let mirrors = options.mirrors.map { mirror in
      RepositoryEndpoint(
        registry: mirror.host,
        name: mirror.prefix.isEmpty ? original.name : "\(mirror.prefix)/\(original.name)")
    }
    return options.fallsBackToOriginal ? mirrors + [original] : mirrors
  }
}
