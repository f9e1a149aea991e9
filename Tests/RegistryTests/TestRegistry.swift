// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Synchronization

@testable import Registry

/// A registry on a loopback port that can be told to misbehave.
final class TestRegistry: Sendable {
  enum Login: Sendable {
    case none
    case basic(username: String, password: String)
    /// Tokens for whoever has this password or identity token.
    case token(username: String, password: String, identityToken: String? = nil)
  }

  enum Fault: Sendable {
    /// Hang up after so many bytes of the body.
    case closeAfter(bytes: Int)
    case status(Int, retryAfter: Int? = nil, body: String = "")
    /// Announce a digest that is not the content's.
    case wrongDigest
    /// Serve other bytes.
    case wrongBytes
    /// Take `Range` for nothing.
    case ignoreRange
    case redirect(to: String)
    case silence
  }

  struct Manifest: Sendable {
    var mediaType: String
    var bytes: [UInt8]
  }

  private struct Rule {
    var method: String
    var part: String
    var fault: Fault
    var times: Int
  }

  private struct State {
    var blobs: [String: [String: [UInt8]]] = [:]
    var manifests: [String: [String: Manifest]] = [:]
    var tokens: [String: Set<String>] = [:]
    var rules: [Rule] = []
    var requests: [TestServer.Request] = []
    var uploads = 0
  }

  private let server: TestServer
  private let store: Store

  init(_ login: Login = .none) throws {
    let store = Store(login)
    self.store = store
    server = try TestServer { store.answer($0) }
    store.setAuthority(server.authority)
  }

  var authority: String { server.authority }
  var requests: [TestServer.Request] { store.state.withLock { $0.requests } }

  func requests(_ method: String, _ part: String) -> [TestServer.Request] {
    requests.filter { $0.method == method && $0.path.contains(part) }
  }

  /// The next `times` requests whose path contains `part` meet the fault.
  func misbehave(_ fault: Fault, on method: String, _ part: String, times: Int = 1) {
    store.state.withLock {
      $0.rules.append(Rule(method: method, part: part, fault: fault, times: times))
    }
  }

  func expireTokens() { store.state.withLock { $0.tokens = [:] } }

  func reference(_ name: String) throws -> ImageReference {
    guard let reference = ImageReference("\(authority)/\(name)") else { throw BadFixture() }
    return reference
  }

  struct BadFixture: Error {}

  @discardableResult
  func put(blob: [UInt8], in name: String) -> Digest {
    let digest = Digest.of(blob)
    store.state.withLock { $0.blobs[name, default: [:]][digest.description] = blob }
    return digest
  }

  func put(manifest: [UInt8], _ type: MediaType = .ociManifest, as tag: String, in name: String) {
    store.state.withLock {
      let manifest = Manifest(mediaType: type.rawValue, bytes: manifest)
      $0.manifests[name, default: [:]][tag] = manifest
      $0.manifests[name, default: [:]][Digest.of(manifest.bytes).description] = manifest
    }
  }

  func blob(_ digest: Digest, in name: String) -> [UInt8]? {
    store.state.withLock { $0.blobs[name]?[digest.description] }
  }

  func manifest(_ tag: String, in name: String) -> Manifest? {
    store.state.withLock { $0.manifests[name]?[tag] }
  }

  // MARK: Answers

  private final class Store: Sendable {
    let state = Mutex(State())
    private let login: Login
    private let authority = Mutex("")

    init(_ login: Login) { self.login = login }

    func setAuthority(_ authority: String) { self.authority.withLock { $0 = authority } }

    func answer(_ request: TestServer.Request) -> TestServer.Response {
      let fault = state.withLock { state -> Fault? in
        state.requests.append(request)
        guard
          let index = state.rules.firstIndex(where: {
            $0.times > 0 && $0.method == request.method && request.path.contains($0.part)
          })
        else { return nil }
        state.rules[index].times -= 1
        return state.rules[index].fault
      }
      switch fault {
      case .status(let status, let retryAfter, let body):
        return TestServer.Response(
          status: status, headers: retryAfter.map { [("Retry-After", "\($0)")] } ?? [],
          body: Array(body.utf8))
      case .redirect(let target):
        return TestServer.Response(status: 307, headers: [("Location", target)])
      case .silence: return TestServer.Response(isSilent: true)
      case .closeAfter(let bytes):
        var response = proper(request)
        response.closeAfter = bytes
        return response
      case .wrongDigest:
        var response = proper(request)
        response.headers.removeAll { $0.0 == "Docker-Content-Digest" }
        response.headers.append(("Docker-Content-Digest", Digest.of([1, 2, 3]).description))
        return response
      case .wrongBytes:
        var response = proper(request)
        response.body = response.body.map { $0 ^ 1 }
        return response
      case .ignoreRange:
        var request = request
        request.headers["range"] = nil
        return proper(request)
      case nil: return proper(request)
      }
    }

    private func proper(_ request: TestServer.Request) -> TestServer.Response {
      if request.path == "/token" { return token(request) }
      if let refusal = refusal(request) { return refusal }
      if request.path == "/v2/" { return TestServer.Response() }
      let parts = request.path.split(separator: "/").map(String.init)
      guard let kind = parts.firstIndex(where: { $0 == "blobs" || $0 == "manifests" }), kind > 1,
        parts.count > kind + 1
      else { return TestServer.Response(status: 404) }
      let name = parts[1..<kind].joined(separator: "/")
      if parts[kind] == "manifests" { return manifest(request, name, parts[kind + 1]) }
      return parts[kind + 1] == "uploads"
        ? upload(request, name) : blob(request, name, parts[kind + 1])
    }

    private func manifest(_ request: TestServer.Request, _ name: String, _ selector: String)
      -> TestServer.Response
    {
      if request.method == "PUT" {
        let manifest = Manifest(
          mediaType: request.headers["content-type"] ?? "", bytes: request.body)
        let digest = Digest.of(request.body).description
        state.withLock {
          $0.manifests[name, default: [:]][selector] = manifest
          $0.manifests[name, default: [:]][digest] = manifest
        }
        return TestServer.Response(status: 201, headers: [("Docker-Content-Digest", digest)])
      }
      guard let manifest = state.withLock({ $0.manifests[name]?[selector] }) else {
        return TestServer.Response(
          status: 404,
          body: Array(#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"none"}]}"#.utf8))
      }
      return TestServer.Response(
        headers: [
          ("Content-Type", manifest.mediaType),
          ("Docker-Content-Digest", Digest.of(manifest.bytes).description),
        ], body: manifest.bytes)
    }

    private func blob(_ request: TestServer.Request, _ name: String, _ digest: String)
      -> TestServer.Response
    {
      guard let blob = state.withLock({ $0.blobs[name]?[digest] }) else {
        return TestServer.Response(status: 404)
      }
      guard let range = request.headers["range"], range.hasPrefix("bytes="),
        let start = Int(range.dropFirst(6).prefix { $0 != "-" })
      else { return TestServer.Response(body: blob) }
      guard start < blob.count else { return TestServer.Response(status: 416) }
      return TestServer.Response(
        status: 206,
        headers: [("Content-Range", "bytes \(start)-\(blob.count - 1)/\(blob.count)")],
        body: Array(blob[start...]))
    }

    private func upload(_ request: TestServer.Request, _ name: String) -> TestServer.Response {
      switch request.method {
      case "POST":
        if let digest = request["mount"], let origin = request["from"],
          let blob = state.withLock({ $0.blobs[origin]?[digest] })
        {
          state.withLock { $0.blobs[name, default: [:]][digest] = blob }
          return TestServer.Response(status: 201)
        }
        let number = state.withLock { state in
          state.uploads += 1
          return state.uploads
        }
        // Relative, and with a query that must survive.
        return TestServer.Response(
          status: 202, headers: [("Location", "/v2/\(name)/blobs/uploads/\(number)?state=a%2Fb")])
      case "PUT":
        let digest = Digest.of(request.body).description
        guard request["digest"] == digest, request["state"] == "a/b" else {
          return TestServer.Response(
            status: 400, body: Array(#"{"errors":[{"code":"DIGEST_INVALID","message":""}]}"#.utf8))
        }
        state.withLock { $0.blobs[name, default: [:]][digest] = request.body }
        return TestServer.Response(status: 201, headers: [("Docker-Content-Digest", digest)])
      default: return TestServer.Response(status: 204)
      }
    }

    // MARK: Logins

    private func refusal(_ request: TestServer.Request) -> TestServer.Response? {
      let authorization = request.headers["authorization"] ?? ""
      switch login {
      case .none: return nil
      case .basic(let username, let password):
        if authorization == basic(username, password) { return nil }
        return TestServer.Response(
          status: 401, headers: [("WWW-Authenticate", #"Basic realm="test""#)])
      case .token:
        let granted = state.withLock { $0.tokens[String(authorization.dropFirst(7))] }
        let scope = neededScope(request)
        if let granted, scope.map(granted.contains) ?? true { return nil }
        let challenge =
          #"Bearer realm="http://\#(authority.withLock { $0 })/token",service="test""#
          + (scope.map { #",scope="\#($0)""# } ?? "")
        return TestServer.Response(status: 401, headers: [("WWW-Authenticate", challenge)])
      }
    }

    /// `repository:name:action`, one action each.
    private func neededScope(_ request: TestServer.Request) -> String? {
      let parts = request.path.split(separator: "/").map(String.init)
      guard let kind = parts.firstIndex(where: { $0 == "blobs" || $0 == "manifests" }) else {
        return nil
      }
      let isRead = request.method == "GET" || request.method == "HEAD"
      return "repository:\(parts[1..<kind].joined(separator: "/")):\(isRead ? "pull" : "push")"
    }

    private func token(_ request: TestServer.Request) -> TestServer.Response {
      guard case .token(let username, let password, let identityToken) = login else {
        return TestServer.Response(status: 404)
      }
      let form = parsedQuery(String(decoding: request.body, as: UTF8.self))
      let isKnown =
        request.method == "POST"
        ? identityToken != nil && form.first { $0.name == "refresh_token" }?.value == identityToken
        : request.headers["authorization"] == basic(username, password)
      guard isKnown else { return TestServer.Response(status: 401) }
      let scopes =
        request.all("scope")
        + (form.first { $0.name == "scope" }?.value.split(separator: " ").map(String.init) ?? [])
      let granted = scopes.flatMap { scope -> [String] in
        let parts = scope.split(separator: ":").map(String.init)
        return parts[2].split(separator: ",").map { "\(parts[0]):\(parts[1]):\($0)" }
      }
      let token = "token-\(UInt64.random(in: 0...UInt64.max))"
      state.withLock { $0.tokens[token] = Set(granted) }
      return TestServer.Response(
        body: Array(#"{"token":"\#(token)","expires_in":300}"#.utf8))
    }
  }
}

private func basic(_ username: String, _ password: String) -> String {
  basicAuthorization(username: username, password: Secret(password)).revealed
}
