// SPDX-License-Identifier: Apache-2.0

import OCI

/// One request to a registry, before it is known over which scheme and with which credentials.
struct RegistryCall: Sendable {
  var method: HTTPRequest.Method
  var repository: RepositoryEndpoint
  var access: RegistryAccess
  /// Below `/v2/<name>/`.
  var path: String
  var query: [(name: String, value: String)] = []
  /// A URL the registry gave, instead of `path` and `query`.
  var target: HTTPURL?
  var headers = HTTPHeaders()
  var body = HTTPBody.none
  /// What a token must be good for.
  var scopes: [TokenScope]
  var mayRetry = true
  var accepted: Set<Int> = []
  var isBulk = false
  var longestResponseInBytes = 1 << 20
  var onSent: (@Sendable (Int64) -> Void)?

  init(
    _ method: HTTPRequest.Method, _ repository: RepositoryEndpoint, _ access: RegistryAccess,
    _ path: String
  ) {
    self.method = method
    self.repository = repository
    self.access = access
    self.path = path
    self.scopes = [.repository(repository.name, access)]
  }

  /// For messages: without query.
  var name: String { "\(method.rawValue) /v2/\(repository.name)/\(path)" }

  func url(below base: HTTPURL) throws -> HTTPURL {
    guard let url = base.resolving("/v2/\(repository.name)/\(path)")?.adding(query) else {
      throw RegistryError.invalidRequest(reason: "\"\(repository)\" makes no web address")
    }
    return url
  }

  func request(to url: HTTPURL) -> HTTPRequest {
    var request = HTTPRequest(method, url)
    request.headers = headers
    request.body = body
    request.isBulk = isBulk
    request.longestResponseInBytes = longestResponseInBytes
    request.onSent = onSent
    return request
  }
}
