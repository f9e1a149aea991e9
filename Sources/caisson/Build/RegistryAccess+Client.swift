// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import Registry

extension RegistryAccess {
  /// A client that reaches registries as the user said, with the credentials found.
  func makeClient(log: Log) throws -> RegistryClient {
    var options = RegistryOptions()
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
    return RegistryClient(options: options, credentials: try credentials(), log: log)
  }

  private func credentials() throws -> Credentials {
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
