// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Synchronization

/// Speaks the registry protocol with any number of registries.
///
/// Connections, tokens and what is known about blobs are shared by everything that uses one client.
/// OCI distribution-spec v1.1.
package final class RegistryClient: Sendable {
  package let options: RegistryOptions
  let log: Log
  let transfers: TransferSlots
  /// Blobs seen or put there by this client: `registry/name@digest`.
  let knownBlobs = Mutex<Set<String>>([])
  private let http: HTTPClient
  private let authorizer: RegistryAuthorizer
  private let requests: TransferSlots
  private let bases = Mutex<[BaseKey: HTTPURL]>([:])

  private struct BaseKey: Hashable {
    var authority: String
    var mayBePlain: Bool
  }

  package init(
    options: RegistryOptions = RegistryOptions(), credentials: Credentials = Credentials(),
    log: Log = .silent
  ) {
    self.options = options
    self.log = log
    http = HTTPClient(options.http)
    authorizer = RegistryAuthorizer(http: http, credentials: credentials, options: options)
    transfers = TransferSlots(count: options.parallelTransfers)
    requests = TransferSlots(count: max(1, options.parallelTransfers) + 8)
  }

  /// Sends one request: authenticates, follows redirects and repeats as ``RetryPolicy`` decides.
  func send(_ call: RegistryCall, receiver: HTTPReceiver? = nil) async throws -> HTTPResponse {
    var attempt = RegistryAttempt(
      mayRetry: call.mayRetry, sendsBody: call.method.sendsBody, accepted: call.accepted)
    var target = call.target
    while true {
      let reply = await reply(to: call, at: target, receiver: receiver)
      switch options.retry.next(after: reply.outcome, attempt: attempt) {
      case .done:
        return try reply.response.get()
      case .authenticate(let challenge):
        attempt.authentications += 1
        guard let base = reply.base, authorizer.accept(challenge, for: call, base: base) else {
          throw error(reply, call)
        }
      case .follow(let location):
        attempt.redirects += 1
        guard let next = reply.url?.resolving(location) else {
          throw RegistryError.malformedAnswer(
            host: call.repository.authority, what: "it redirects to what is not a web address")
        }
        target = next
      case .retry(let delay):
        log.debug(
          "registry request is repeated",
          ["request": call.name, "registry": call.repository.registry])
        try await options.retry.pause(delay)
        attempt.retries += 1
        target = call.target
      case .fail:
        throw error(reply, call)
      }
    }
  }

  /// Repeats an operation of several requests while its failures are transient.
  ///
  /// - Parameter progress: How much is done; a step of 1 MiB forward makes the retries start anew.
  func repeating<Result>(
    progress: () -> Int64 = { 0 }, _ operation: () async throws -> Result
  ) async throws -> Result {
    var attempt = RegistryAttempt()
    var reached = progress()
    while true {
      do {
        return try await operation()
      } catch let failure as RegistryError {
        if progress() - reached >= 1 << 20 {
          reached = progress()
          attempt.retries = 0
        }
        let action = options.retry.next(after: failure.outcome, attempt: attempt)
        guard case .retry(let delay) = action else { throw failure }
        try await options.retry.pause(delay)
        attempt.retries += 1
      }
    }
  }

  // MARK: One request

  private struct Reply {
    var base: HTTPURL?
    var url: HTTPURL?
    var response: Result<HTTPResponse, any Error>

    var outcome: RegistryOutcome {
      switch response {
      case .success(let response): .response(response.head)
      case .failure(let error):
        (error as? RegistryError)?.outcome ?? .failure(isTransient: false)
      }
    }
  }

  private func reply(to call: RegistryCall, at target: HTTPURL?, receiver: HTTPReceiver?) async
    -> Reply
  {
    var reply = Reply(response: .failure(CancellationError()))
    do {
      let base = try await base(of: call)
      reply.base = base
      let url = try target ?? call.url(below: base)
      reply.url = url
      try options.checkTarget(url, from: base, access: call.access)
      var request = call.request(to: url)
      request.verifiesTLS =
        options.verifiesTLS(url.origin.authority, access: call.access)
        && (url.origin != base.origin
          || options.verifiesTLS(call.repository.registry, access: call.access))
      // Credentials are for the registry, never for the storage it refers to.
      if url.origin == base.origin {
        request.authorization = try await authorizer.authorization(for: call, base: base)
      }
      reply.response = .success(try await exchange(request, receiver: receiver))
    } catch {
      reply.response = .failure(error)
    }
    return reply
  }

  private func exchange(_ request: HTTPRequest, receiver: HTTPReceiver? = nil) async throws
    -> HTTPResponse
  {
    do {
      return try await requests.run { try await http.send(request, receiver: receiver) }
    } catch let error as TransportError {
      throw RegistryError(error, host: request.url.origin.authority)
    }
  }

  private func error(_ reply: Reply, _ call: RegistryCall) -> any Error {
    switch reply.response {
    case .failure(let error): return error
    case .success(let response):
      let status = response.head.status
      let host = reply.url?.origin.authority ?? call.repository.authority
      let message = ServerMessage(response.body)
      let isOurs = reply.url?.origin == reply.base?.origin
      switch status {
      case 401 where isOurs, 403 where isOurs:
        return RegistryError.denied(
          call.repository, call.access, status: status, authorizer.lookup(call.repository), message)
      case 404 where isOurs: return RegistryError.repositoryNotFound(call.repository, message)
      case 429:
        return RegistryError.rateLimited(
          host: host, seconds: retryAfter(response.head)?.components.seconds)
      case 300..<400:
        return RegistryError.malformedAnswer(host: host, what: "it redirects without an end")
      default:
        return RegistryError.refused(host: host, status: status, request: call.name, message)
      }
    }
  }

  // MARK: Schemes

  /// `https://host/`, or `http://host/` where that is allowed and answers.
  private func base(of call: RegistryCall) async throws -> HTTPURL {
    let authority = call.repository.authority
    let mayBePlain =
      options.allowsPlainHTTP(authority, access: call.access)
      || options.allowsPlainHTTP(call.repository.registry, access: call.access)
    let key = BaseKey(authority: authority, mayBePlain: mayBePlain)
    if let known = bases.withLock({ $0[key] }) { return known }
    guard let secure = HTTPURL("https://\(authority)/"), let plain = HTTPURL("http://\(authority)/")
    else { throw RegistryError.invalidRequest(reason: "\"\(authority)\" is not a host") }
    let base = mayBePlain ? try await probe(plain, else: secure, call.access) : secure
    bases.withLock { $0[key] = base }
    return base
  }

  /// A TLS port answers plain HTTP with 400, a redirect, or not at all.
  private func probe(_ plain: HTTPURL, else secure: HTTPURL, _ access: RegistryAccess) async throws
    -> HTTPURL
  {
    var plainFailure: RegistryError?
    do {
      let status = try await ping(plain, access)
      if status != 400, !(300..<400).contains(status) { return plain }
    } catch let failure as RegistryError {
      plainFailure = failure
    }
    do {
      _ = try await ping(secure, access)
      return secure
    } catch let failure as RegistryError {
      throw plainFailure ?? failure
    }
  }

  private func ping(_ base: HTTPURL, _ access: RegistryAccess) async throws -> Int {
    guard let url = base.resolving("/v2/") else {
      throw RegistryError.invalidRequest(reason: "\(base) has no API")
    }
    var request = HTTPRequest(.get, url)
    request.verifiesTLS = options.verifiesTLS(base.origin.authority, access: access)
    return try await exchange(request).head.status
  }
}

extension RegistryError {
  fileprivate var outcome: RegistryOutcome {
    if case .rateLimited(_, let seconds?) = self {
      return .failure(isTransient: isTransient, retryAfter: .seconds(seconds))
    }
    return .failure(isTransient: isTransient)
  }
}
