// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI
import Registry
import Synchronization

/// A registry client, and what is to be said of the credentials it uses.
final class RegistryConnection: Sendable {
  let client: RegistryClient
  private let credentials: Credentials
  private let report: @Sendable (Diagnostic) -> Void
  private let reported = Mutex<Set<String>>([])

  /// - Parameter report: Takes warnings.
  init(
    _ access: RegistryAccess, log: Log, report: @escaping @Sendable (Diagnostic) -> Void
  ) throws {
    credentials = try access.credentials()
    self.report = report
    client = RegistryClient(
      options: try access.clientOptions(), credentials: credentials, log: log)
  }

  /// Warns, once for each registry, when only a credential helper would know the credentials.
  func warnOfHelper(for reference: ImageReference) {
    let lookup = credentials.lookup(
      registry: reference.registry, repository: reference.repository)
    guard let warning = lookup.warning,
      reported.withLock({ $0.insert(reference.registry).inserted })
    else { return }
    report(warning)
  }
}

extension RegistryAccess {
  /// How the client reaches registries: as the user said, and as the environment says.
  func clientOptions() throws -> RegistryOptions {
    var options = RegistryOptions()
    options.http.userAgent = "caisson/\(programVersion)" + (upstreamClient.map { ",\($0)" } ?? "")
    switch try TrustedCertificates(certificatePlaces) {
    case .system: break
    case .file(let file): options.http.caFile = file.description
    case .text(let text): options.http.caCertificates = text
    }
    options.http.proxies = HTTPProxies(
      http: proxies.http?.revealed, https: proxies.https?.revealed, exceptions: proxies.exceptions)
    options.allInsecurePush = usesHTTPForPush
    options.allInsecurePull = usesHTTPForPull
    options.insecureHosts = insecureHosts
    options.skipTLSVerifyAll = skipsTLSVerificationForPush
    options.skipTLSVerifyPull = skipsTLSVerificationForPull
    options.skipTLSVerifyHosts = unverifiedHosts
    options.mirrors = try mirrors.map { text in
      guard let mirror = RegistryMirror(text) else {
        throw LocatedError(
          diagnostic: Diagnostic(
            "\"\(text)\" is not a registry mirror", help: "write HOST[:PORT][/PREFIX], no scheme",
            exit: .usage))
      }
      return mirror
    }
    return options
  }

  fileprivate func credentials() throws -> Credentials {
    var found = Credentials()
    if let file = credentialFiles.first(where: exists) {
      found = try Credentials(
        dockerConfig: try contents(of: file, limit: 4 << 20), file: file.description)
    }
    guard let inline = inlineCredentials else { return found }
    return found.merging(
      try Credentials(dockerConfig: Array(inline.revealed.utf8), file: "DOCKER_AUTH_CONFIG"))
  }
}
