// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Registry

/// Why something that an address names could not be fetched. Addresses are without credentials.
enum RemoteError: Error {
  case notAnAddress(String)
  case transport(TransportError, String)
  case status(Int, String)
  case tooManyRedirects(String)
  case redirectToPlainText(String)
  case wrongChecksum(String, expected: String, actual: String)
  case noGit
  case git(String, doing: String, errors: String)
  case wrongCommit(String, expected: String, actual: String)
}

extension RemoteError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    switch self {
    case .notAnAddress(let address):
      Diagnostic("\"\(address)\" is no http or https address")
    case .transport(let error, let address):
      Diagnostic(
        "\"\(address)\" cannot be fetched", notes: [error.reason],
        help: "check the address, the network and the proxy settings", exit: .surroundings)
    case .status(let status, let address):
      Diagnostic(
        "\"\(address)\" cannot be fetched: the server answers \(status)", help: Self.help(status))
    case .tooManyRedirects(let address):
      Diagnostic("\"\(address)\" cannot be fetched: it is redirected too often")
    case .redirectToPlainText(let address):
      Diagnostic(
        "\"\(address)\" cannot be fetched: the server redirects from https to http",
        help: "name the other address if that is meant")
    case .wrongChecksum(let address, let expected, let actual):
      Diagnostic(
        "\"\(address)\" is not what --checksum says",
        notes: ["expected \(expected)", "found    \(actual)"],
        help: "whoever serves it has changed it; look at it before you change the checksum")
    case .noGit:
      Diagnostic(
        "the program git is missing",
        help: "install git, or use the variant of the executor image that has it (\"git\")",
        exit: .surroundings)
    case .git(let address, let doing, let errors):
      Diagnostic(
        "git cannot \(doing) \"\(address)\"",
        notes: errors.split(separator: "\n").suffix(5).map(String.init))
    case .wrongCommit(let address, let expected, let actual):
      Diagnostic(
        "\"\(address)\" is not the commit that --checksum says",
        notes: ["expected \(expected)", "found    \(actual)"])
    }
  }

  private static func help(_ status: Int) -> String? {
    switch status {
    case 401, 403:
      "give credentials: --secret id=HTTP_AUTH_TOKEN_HOST,env=TOKEN, or HTTP_AUTH_HEADER_HOST for a "
        + "whole header"
    case 404: "check the address"
    default: nil
    }
  }
}

extension TransportError {
  fileprivate var reason: String {
    switch self {
    case .unreachable(let reason), .untrusted(let reason), .broken(let reason),
      .invalidRequest(let reason):
      reason
    case .stalled: "nothing moved for too long"
    case .responseTooLarge(let limit): "the answer is longer than \(limit) bytes"
    }
  }
}
