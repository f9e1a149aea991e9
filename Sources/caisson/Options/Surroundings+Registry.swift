// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem

/// What the environment says of registries.
extension Surroundings {
  /// Docker's configuration, then podman's places.
  var credentialFiles: [PathBytes] {
    var files: [PathBytes] = []
    if let directory = variable("DOCKER_CONFIG") {
      files.append(absolute(directory).appending("config.json"))
    }
    let home = variable("HOME").map(absolute)
    if let home { files.append(home.appending(".docker/config.json")) }
    if let file = variable("REGISTRY_AUTH_FILE") { files.append(absolute(file)) }
    if let directory = variable("XDG_RUNTIME_DIR") {
      files.append(absolute(directory).appending("containers/auth.json"))
    }
    let configuration = variable("XDG_CONFIG_HOME").map(absolute) ?? home?.appending(".config")
    if let configuration { files.append(configuration.appending("containers/auth.json")) }
    return files
  }

  /// By Go's names; else the certificates that came with the program, if any.
  var certificatePlaces: [PathBytes] {
    let file = variable("SSL_CERT_FILE").map { [$0] } ?? []
    let directories = variable("SSL_CERT_DIR")?.split(separator: ":").map(String.init) ?? []
    let named = (file + directories).map(absolute)
    guard named.isEmpty, let programFolder else { return named }
    return [programFolder.appending(ProgramFolder.certificates)]
  }

  /// By curl's names and Go's: lower case goes first, `all_proxy` stands in for what is missing.
  var proxies: ProxyAddresses {
    func either(_ name: String) -> String? { variable(name) ?? variable(name.uppercased()) }
    let all = either("all_proxy")
    return ProxyAddresses(
      http: (either("http_proxy") ?? all).map(Secret.init),
      https: (either("https_proxy") ?? all).map(Secret.init), exceptions: either("no_proxy"))
  }

  /// kaniko's name for what called it.
  var upstreamClient: String? {
    get throws(CommandLineError) {
      guard let text = variable("UPSTREAM_CLIENT_TYPE") else { return nil }
      guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        throw .badValue(
          option: "$UPSTREAM_CLIENT_TYPE", value: text, expected: "printable ASCII characters")
      }
      return text
    }
  }
}
