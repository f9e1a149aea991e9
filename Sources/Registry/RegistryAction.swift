// SPDX-License-Identifier: Apache-2.0

/// What to do after a request to a registry came to an end.
package enum RegistryAction: Hashable, Sendable {
  /// The answer is what was asked for.
  case done
  /// Get credentials for this challenge and ask again.
  case authenticate(Challenge)
  /// Ask at the `Location` that was given.
  case follow(String)
  case retry(after: Duration)
  case fail
}

/// How a request ended.
package enum RegistryOutcome: Hashable, Sendable {
  case response(ResponseHead)
  /// There was no answer; trying again may help, or not.
  case failure(isTransient: Bool, retryAfter: Duration? = nil)
}

/// What was already tried for one request.
package struct RegistryAttempt: Hashable, Sendable {
  package var retries = 0
  package var authentications = 0
  package var redirects = 0
  /// False where only the whole operation can be repeated, as with an upload session.
  package var mayRetry = true
  /// Then a redirect must keep the method (307, 308) to be followed.
  package var sendsBody = false
  /// Statuses above 299 that are an answer as well.
  package var accepted: Set<Int> = []

  package init(mayRetry: Bool = true, sendsBody: Bool = false, accepted: Set<Int> = []) {
    self.mayRetry = mayRetry
    self.sendsBody = sendsBody
    self.accepted = accepted
  }
}

/// How often and how patiently requests are repeated.
package struct RetryPolicy: Sendable {
  package var limit = 4
  package var firstDelay: Duration = .milliseconds(500)
  /// A registry that wants a longer pause is not waited for.
  package var longestDelay: Duration = .seconds(60)
  /// From 0 to 1; spreads the retries of many clients.
  package var jitter: @Sendable () -> Double = { Double.random(in: 0...1) }
  package var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

  package init() {}

  private static let redirectLimit = 10

  /// Decides; nothing is done here.
  package func next(after outcome: RegistryOutcome, attempt: RegistryAttempt) -> RegistryAction {
    switch outcome {
    case .failure(let isTransient, let asked):
      return isTransient ? retry(attempt, asked: asked) : .fail
    case .response(let head):
      if head.isSuccess || attempt.accepted.contains(head.status) { return .done }
      switch head.status {
      case 401:
        guard attempt.authentications == 0, let challenge = Challenge(head.headers) else {
          return .fail
        }
        return .authenticate(challenge)
      case 301, 302, 303, 307, 308:
        guard attempt.redirects < Self.redirectLimit, !attempt.sendsBody || head.status >= 307,
          let location = head.headers["location"]
        else {
          return .fail
        }
        return .follow(location)
      case let status where isTransient(status: status):
        return retry(attempt, asked: retryAfter(head))
      default:
        return .fail
      }
    }
  }

  /// Doubles with every retry; half of it is jitter.
  private func retry(_ attempt: RegistryAttempt, asked: Duration?) -> RegistryAction {
    guard attempt.mayRetry, attempt.retries < limit else { return .fail }
    if let asked { return asked <= longestDelay ? .retry(after: asked) : .fail }
    let whole = firstDelay * (1 << min(attempt.retries, 16))
    return .retry(after: min(whole, longestDelay) * (0.5 + jitter() / 2))
  }
}

/// Statuses that say "later".
func isTransient(status: Int) -> Bool {
  status == 408 || status == 429 || (500...504).contains(status)
}

/// `Retry-After` in seconds; its form with a date is not used by registries.
func retryAfter(_ head: ResponseHead) -> Duration? {
  head.headers["retry-after"].flatMap { Int32($0) }.flatMap { $0 >= 0 ? .seconds($0) : nil }
}
