// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// Why a registry did not do what was asked. No case holds a credential, a token or a query.
package enum RegistryError: Error, Hashable, Sendable {
  case unreachable(host: String, reason: String)
  case untrusted(host: String, reason: String)
  case stalled(host: String)
  case broken(host: String, reason: String)
  /// 401, or 403: the registry knows no right of ours to do this.
  case denied(RepositoryEndpoint, RegistryAccess, status: Int, CredentialLookup, ServerMessage?)
  /// The token server refused the credentials.
  case loginRefused(host: String, status: Int, CredentialLookup)
  case blobNotFound(RepositoryEndpoint, Digest)
  case repositoryNotFound(RepositoryEndpoint, ServerMessage?)
  case rateLimited(host: String, seconds: Int64?)
  /// Another status that is no success.
  case refused(host: String, status: Int, request: String, ServerMessage?)
  case digestMismatch(what: String, expected: Digest, actual: Digest)
  case tooLarge(what: String, limit: Int64)
  case unsupportedManifest(RepositoryEndpoint, mediaType: String)
  /// An answer that breaks the protocol.
  case malformedAnswer(host: String, what: String)
  /// A redirect, upload location or token server that would leave TLS.
  case insecureTarget(host: String, target: String)
  case badCredentialsFile(file: String, reason: String)
  case invalidRequest(reason: String)

  /// Whether the same request may succeed a little later.
  package var isTransient: Bool {
    switch self {
    case .unreachable, .stalled, .broken: true
    case .refused(_, let status, _, _): Registry.isTransient(status: status)
    case .rateLimited(_, let seconds): (seconds ?? 0) <= 60
    default: false
    }
  }
}

/// What a registry says about its own refusal. OCI distribution-spec v1.1, "Error Codes".
package struct ServerMessage: Hashable, Sendable {
  package var code: String
  package var message: String

  private static let longestText = 300

  /// - Returns: Nil when the body is not the JSON the specification asks for.
  init?(_ body: [UInt8]) {
    guard let errors = (try? JSONValue(parsing: body))?["errors"]?.array,
      let first = errors.first
    else { return nil }
    code = String((first["code"]?.string ?? "").prefix(Self.longestText))
    message = String((first["message"]?.string ?? "").prefix(Self.longestText))
    guard !code.isEmpty || !message.isEmpty else { return nil }
  }

  var text: String {
    [code, message].filter { !$0.isEmpty }.map(escapedForTerminal).joined(separator: ": ")
  }
}

extension RegistryError {
  init(_ error: TransportError, host: String) {
    self =
      switch error {
      case .unreachable(let reason): .unreachable(host: host, reason: reason)
      case .untrusted(let reason): .untrusted(host: host, reason: reason)
      case .stalled: .stalled(host: host)
      case .broken(let reason): .broken(host: host, reason: reason)
      case .responseTooLarge(let limit):
        .tooLarge(what: "the answer of \(host)", limit: Int64(limit))
      case .invalidRequest(let reason): .invalidRequest(reason: reason)
      }
  }
}
