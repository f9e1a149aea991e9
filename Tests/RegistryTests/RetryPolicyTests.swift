// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Registry

@Suite struct RetryPolicyTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var outcome: RegistryOutcome
    var attempt = RegistryAttempt()
    var expected: RegistryAction
    var testDescription: String { "\(outcome) -> \(expected)" }
  }

  private static func head(_ status: Int, _ headers: HTTPHeaders = [:]) -> RegistryOutcome {
    .response(ResponseHead(status: status, headers: headers))
  }

  private static func attempt(_ change: (inout RegistryAttempt) -> Void) -> RegistryAttempt {
    var attempt = RegistryAttempt()
    change(&attempt)
    return attempt
  }

  @Test(arguments: [
    Case(outcome: head(200), expected: .done),
    Case(outcome: head(206), expected: .done),
    Case(outcome: head(404), expected: .fail),
    Case(outcome: head(404), attempt: RegistryAttempt(accepted: [404]), expected: .done),
    Case(outcome: head(401), expected: .fail),
    Case(outcome: head(401, ["WWW-Authenticate": "Basic"]), expected: .authenticate(.basic)),
    Case(
      outcome: head(401, ["WWW-Authenticate": "Basic"]),
      attempt: attempt { $0.authentications = 1 }, expected: .fail),
    Case(outcome: head(403, ["WWW-Authenticate": "Basic"]), expected: .fail),
    Case(outcome: head(307, ["Location": "/x"]), expected: .follow("/x")),
    Case(outcome: head(302), expected: .fail),
    Case(
      outcome: head(302, ["Location": "/x"]), attempt: RegistryAttempt(sendsBody: true),
      expected: .fail),
    Case(
      outcome: head(307, ["Location": "/x"]), attempt: RegistryAttempt(sendsBody: true),
      expected: .follow("/x")),
    Case(
      outcome: head(307, ["Location": "/x"]), attempt: attempt { $0.redirects = 10 },
      expected: .fail),
    Case(outcome: head(500), expected: .retry(after: .milliseconds(500))),
    Case(
      outcome: head(503), attempt: attempt { $0.retries = 3 },
      expected: .retry(after: .seconds(4))),
    Case(outcome: head(503), attempt: attempt { $0.retries = 4 }, expected: .fail),
    Case(outcome: head(503), attempt: RegistryAttempt(mayRetry: false), expected: .fail),
    Case(outcome: head(501), expected: .retry(after: .milliseconds(500))),
    Case(outcome: head(507), expected: .fail),
    Case(outcome: head(429, ["Retry-After": "7"]), expected: .retry(after: .seconds(7))),
    Case(outcome: head(429, ["Retry-After": "21600"]), expected: .fail),
    Case(
      outcome: head(429, ["Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"]),
      expected: .retry(after: .milliseconds(500))),
    Case(
      outcome: head(429, ["Retry-After": "-5"]), expected: .retry(after: .milliseconds(500))),
    Case(outcome: .failure(isTransient: true), expected: .retry(after: .milliseconds(500))),
    Case(outcome: .failure(isTransient: false), expected: .fail),
  ])
  func `what follows from an outcome`(_ c: Case) {
    var policy = RetryPolicy()
    policy.jitter = { 1 }
    #expect(policy.next(after: c.outcome, attempt: c.attempt) == c.expected)
  }

  @Test func `jitter takes away at most half of a delay`() {
    var policy = RetryPolicy()
    policy.jitter = { 0 }
    let action = policy.next(after: .failure(isTransient: true), attempt: RegistryAttempt())
    #expect(action == .retry(after: .milliseconds(250)))
  }
}
