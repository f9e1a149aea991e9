// SPDX-License-Identifier: Apache-2.0

import Diagnostics

extension RegistryError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .unreachable, .untrusted, .stalled, .broken, .rateLimited, .refused, .insecureTarget,
      .malformedAnswer:
      aboutSurroundings
    case .denied, .loginRefused, .badCredentialsFile: aboutCredentials
    default: aboutContent
    }
  }

  private var aboutSurroundings: Diagnostic {
    switch self {
    case .unreachable(let host, let reason):
      Diagnostic(
        "\(host) cannot be reached", notes: [reason],
        help: "check the name, the network and the proxy settings", exit: .surroundings)
    case .untrusted(let host, let reason):
      Diagnostic(
        "the TLS connection to \(host) was refused", notes: [reason],
        help: "install the registry's CA certificate; --skip-tls-verify trusts any certificate, "
          + "--insecure speaks plain HTTP",
        exit: .surroundings)
    case .stalled(let host):
      Diagnostic("\(host) stopped answering in the middle of a transfer", exit: .surroundings)
    case .broken(let host, let reason):
      Diagnostic("the connection to \(host) broke", notes: [reason], exit: .surroundings)
    case .rateLimited(let host, let seconds):
      Diagnostic(
        "\(host) refuses more requests for now",
        notes: seconds.map { ["it asks to wait \($0) seconds"] } ?? [],
        help: "wait, log in, or use a mirror", exit: .surroundings)
    case .insecureTarget(let host, let target):
      Diagnostic(
        "\(host) is spoken to over TLS but refers to \(target)",
        help: "a proxy before the registry must tell it the scheme (X-Forwarded-Proto); "
          + "--insecure-registry allows plain HTTP for that host",
        exit: .surroundings)
    case .refused(let host, let status, let request, let server):
      Diagnostic(
        "\(host) answered \(request) with status \(status)", notes: said(server),
        exit: status >= 500 ? .surroundings : .failure)
    case .malformedAnswer(let host, let what):
      Diagnostic("\(host) does not speak the registry protocol: \(what)", exit: .surroundings)
    default: Diagnostic("the registry cannot be used")
    }
  }

  private var aboutCredentials: Diagnostic {
    switch self {
    case .denied(let repository, let access, let status, let lookup, let server):
      Diagnostic(
        "\(repository.registry) does not allow to \(access.rawValue) \"\(repository.name)\" "
          + "(status \(status))",
        notes: said(server) + notes(lookup), help: help(lookup, host: repository.registry))
    case .loginRefused(let host, let status, let lookup):
      Diagnostic(
        "\(host) gave no token (status \(status))", notes: notes(lookup),
        help: help(lookup, host: host))
    case .badCredentialsFile(let file, let reason):
      Diagnostic(
        "\(file) cannot be used: \(reason)", help: "docker login writes it anew", exit: .usage)
    default: Diagnostic("the credentials cannot be used")
    }
  }

  private var aboutContent: Diagnostic {
    switch self {
    case .blobNotFound(let repository, let digest):
      Diagnostic("\(repository) has no blob \(digest)")
    case .repositoryNotFound(let repository, let server):
      Diagnostic(
        "\(repository.registry) has no repository \"\(repository.name)\"", notes: said(server),
        help: "some registries want it to be created first")
    case .digestMismatch(let what, let expected, let actual):
      Diagnostic(
        "\(what) is not what was asked for", notes: ["wanted \(expected)", "got \(actual)"])
    case .tooLarge(let what, let limit):
      Diagnostic("\(what) is larger than \(limit) bytes")
    case .unsupportedManifest(let repository, let mediaType):
      Diagnostic(
        "\(repository) answers with a manifest of type \"\(mediaType)\"",
        help: "OCI and Docker schema 2 manifests are understood")
    case .invalidRequest(let reason):
      Diagnostic("the request cannot be sent: \(reason)")
    default: Diagnostic("the registry cannot be used")
    }
  }

  private func said(_ server: ServerMessage?) -> [String] {
    server.map { ["it says \($0.text)"] } ?? []
  }

  private func notes(_ lookup: CredentialLookup) -> [String] {
    guard lookup.credential == nil else { return ["credentials were sent"] }
    let files = lookup.files.isEmpty ? "no file" : lookup.files.joined(separator: ", ")
    let tried =
      "no credentials found; looked for \(lookup.keys.joined(separator: ", ")) in \(files)"
    return [tried] + (lookup.warning.map { [$0.message] } ?? [])
  }

  private func help(_ lookup: CredentialLookup, host: String) -> String {
    lookup.credential == nil
      ? "log in first: docker login \(host)"
      : "check the name and the account's rights, or log in again: docker login \(host)"
  }
}
