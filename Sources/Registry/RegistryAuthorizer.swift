// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Synchronization

/// Remembers how each registry wants to be told who asks, and the tokens it gave.
final class RegistryAuthorizer: Sendable {
  private struct TokenKey: Hashable {
    var authority: String
    var scopes: Set<TokenScope>
  }

  private struct Token {
    var value: Secret
    var end: ContinuousClock.Instant
  }

  private struct State {
    var methods: [String: Challenge] = [:]
    /// Scopes that a challenge asked for beyond ours.
    var asked: [TokenKey: String] = [:]
    var tokens: [TokenKey: Token] = [:]
  }

  private let http: HTTPClient
  private let credentials: Credentials
  private let options: RegistryOptions
  private let state = Mutex(State())

  /// Docker's rule for tokens that do not say how long they live.
  private static let shortestLife: Int64 = 60
  /// A token is not used shortly before its end.
  private static let margin: Duration = .seconds(10)

  init(http: HTTPClient, credentials: Credentials, options: RegistryOptions) {
    self.http = http
    self.credentials = credentials
    self.options = options
  }

  func lookup(_ repository: RepositoryEndpoint) -> CredentialLookup {
    credentials.lookup(registry: repository.registry, repository: repository.name)
  }

  /// What goes into the `Authorization` header; nil until a registry has asked for it.
  func authorization(for call: RegistryCall, base: HTTPURL) async throws -> Secret? {
    let credential = lookup(call.repository).credential
    if case .registryToken(let token) = credential { return bearer(token) }
    let key = key(of: call, base)
    let (method, known, asked) = state.withLock { state in
      (state.methods[key.authority], state.tokens[key], state.asked[key])
    }
    switch method {
    case nil: return nil
    case .basic:
      guard case .password(let username, let password) = credential else { return nil }
      return basicAuthorization(username: username, password: password)
    case .bearer(let realm, let service, _):
      if let known, known.end > .now { return bearer(known.value) }
      let scopes = TokenScope.union(call.scopes, challenge: asked)
      let token = try await token(
        realm: realm, service: service, scopes: scopes, call: call, base: base)
      state.withLock { $0.tokens[key] = token }
      return bearer(token.value)
    }
  }

  /// Takes note of a challenge, so that the next ``authorization(for:base:)`` answers it.
  ///
  /// - Returns: False when there is nothing to answer with.
  func accept(_ challenge: Challenge, for call: RegistryCall, base: HTTPURL) -> Bool {
    let credential = lookup(call.repository).credential
    switch (challenge, credential) {
    case (_, .registryToken), (.basic, nil), (.basic, .identityToken): return false
    default: break
    }
    let key = key(of: call, base)
    state.withLock { state in
      state.methods[key.authority] = challenge
      state.tokens[key] = nil
      if case .bearer(_, _, let scope) = challenge { state.asked[key] = scope }
    }
    return true
  }

  private func key(of call: RegistryCall, _ base: HTTPURL) -> TokenKey {
    TokenKey(authority: base.origin.authority, scopes: Set(call.scopes))
  }

  private func bearer(_ token: Secret) -> Secret { Secret("Bearer " + token.revealed) }

  // MARK: Tokens

  private func token(
    realm: String, service: String?, scopes: [TokenScope], call: RegistryCall, base: HTTPURL
  ) async throws -> Token {
    guard let url = HTTPURL(realm) else {
      throw RegistryError.malformedAnswer(
        host: base.origin.authority, what: "the realm of its challenge is not a URL")
    }
    try options.checkTarget(url, from: base, access: call.access)
    let lookup = lookup(call.repository)
    var request = try tokenRequest(
      url, service: service, scopes: scopes, credential: lookup.credential)
    request.verifiesTLS = options.verifiesTLS(url.origin.authority, access: call.access)
    let response: HTTPResponse
    do { response = try await http.send(request) } catch let error as TransportError {
      throw RegistryError(error, host: url.origin.authority)
    }
    return try token(in: response, host: url.origin.authority, lookup: lookup)
  }

  /// A GET with a password, or an OAuth 2 exchange of the identity token.
  private func tokenRequest(
    _ url: HTTPURL, service: String?, scopes: [TokenScope], credential: Credential?
  ) throws -> HTTPRequest {
    var items = service.map { [(name: "service", value: $0)] } ?? []
    if case .identityToken(let token) = credential {
      items += [
        ("grant_type", "refresh_token"), ("client_id", "caisson"),
        ("scope", scopes.map(\.description).joined(separator: " ")),
        ("refresh_token", token.revealed),
      ]
      var request = HTTPRequest(.post, url)
      request.headers.add("content-type", "application/x-www-form-urlencoded")
      let form = items.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }
      request.body = .bytes(Array(form.joined(separator: "&").utf8))
      return request
    }
    items += scopes.map { ("scope", $0.description) }
    guard let url = url.adding(items) else {
      throw RegistryError.invalidRequest(reason: "the token server's URL cannot be extended")
    }
    var request = HTTPRequest(.get, url)
    if case .password(let username, let password) = credential {
      request.authorization = basicAuthorization(username: username, password: password)
    }
    return request
  }

  private func token(in response: HTTPResponse, host: String, lookup: CredentialLookup) throws
    -> Token
  {
    let status = response.head.status
    guard response.head.isSuccess else {
      if status == 429 {
        throw RegistryError.rateLimited(
          host: host, seconds: retryAfter(response.head)?.components.seconds)
      }
      if isTransient(status: status) {
        throw RegistryError.refused(
          host: host, status: status, request: "the request for a token",
          ServerMessage(response.body))
      }
      throw RegistryError.loginRefused(host: host, status: status, lookup)
    }
    let answer = try? JSONValue(parsing: response.body)
    guard let text = answer?["token"]?.string ?? answer?["access_token"]?.string, !text.isEmpty
    else {
      throw RegistryError.malformedAnswer(host: host, what: "there is no token in its answer")
    }
    let life = min(max(answer?["expires_in"]?.integer ?? 0, Self.shortestLife), 86_400)
    return Token(value: Secret(text), end: .now + .seconds(life) - Self.margin)
  }
}

extension RegistryOptions {
  /// Refuses to go from TLS to plain HTTP where that was not allowed.
  func checkTarget(_ target: HTTPURL, from base: HTTPURL, access: RegistryAccess) throws {
    guard base.origin.scheme == .https, target.origin.scheme == .http,
      !allowsPlainHTTP(target.origin.authority, access: access)
    else { return }
    throw RegistryError.insecureTarget(
      host: base.origin.authority, target: "http://\(target.origin.authority)")
  }
}
