// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import Synchronization
import Testing

@testable import Registry

@Suite struct HTTPClientTests {
  private func url(_ server: TestServer, _ path: String = "/") throws -> HTTPURL {
    try #require(HTTPURL("http://\(server.authority)\(path)"))
  }

  @Test func `a request arrives as it was made and the answer comes back`() async throws {
    let seen = Mutex<[TestServer.Request]>([])
    let server = try TestServer { request in
      seen.withLock { $0.append(request) }
      return TestServer.Response(
        status: 201, headers: [("X-One", " a "), ("x-one", "b")], body: [7])
    }
    var request = HTTPRequest(.post, try url(server, "/p?q=1"))
    request.headers.add("X-Two", "c")
    request.authorization = Secret("Basic eA==")
    request.body = .bytes(Array("hello".utf8))
    let response = try await HTTPClient().send(request)
    #expect(response.head.status == 201)
    #expect(response.head.headers.all("X-ONE") == ["a", "b"])
    #expect(response.body == [7])
    let got = try #require(seen.withLock { $0 }.first)
    #expect(got.method == "POST" && got.path == "/p" && got["q"] == "1")
    #expect(got.headers["x-two"] == "c" && got.headers["authorization"] == "Basic eA==")
    #expect(got.headers["expect"] == nil)
    #expect(got.body == Array("hello".utf8))
  }

  @Test func `a file is sent from its beginning by several transfers at once`() async throws {
    let server = try TestServer { TestServer.Response(body: $0.body) }
    let directory = try makeTemporaryDirectory()
    defer { try? removeTree(directory) }
    let content = noise(3 << 20)
    let file = try FileDescriptor.open(directory.appending("f"), flags: 0o102)
    try file.writeAll(content)
    let body = BodyFile(file)
    let client = HTTPClient()
    var request = HTTPRequest(.put, try url(server))
    request.body = .file(body, sizeInBytes: Int64(content.count))
    request.isBulk = true
    request.longestResponseInBytes = content.count
    let sent = request
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 { group.addTask { try await client.send(sent).body == content } }
      for try await isEqual in group { #expect(isEqual) }
    }
  }

  @Test func `a receiver gets a good answer's bytes and never an error page`() async throws {
    let server = try TestServer { request in
      TestServer.Response(status: request.path == "/bad" ? 500 : 200, body: [1, 2, 3])
    }
    let client = HTTPClient()
    let got = Mutex<[UInt8]>([])
    let receiver: HTTPReceiver = { _, bytes in got.withLock { $0 += bytes } }
    let bad = try await client.send(HTTPRequest(.get, try url(server, "/bad")), receiver: receiver)
    #expect(bad.head.status == 500 && bad.body == [1, 2, 3])
    #expect(got.withLock { $0 }.isEmpty)
    _ = try await client.send(HTTPRequest(.get, try url(server)), receiver: receiver)
    #expect(got.withLock { $0 } == [1, 2, 3])
  }

  @Test func `an error of the receiver ends the transfer and is thrown`() async throws {
    struct Full: Error {}
    let server = try TestServer { _ in TestServer.Response(body: noise(1 << 20)) }
    await #expect(throws: Full.self) {
      try await HTTPClient().send(HTTPRequest(.get, try url(server))) { _, _ in throw Full() }
    }
  }

  @Test func `an answer longer than allowed is refused`() async throws {
    let server = try TestServer { _ in TestServer.Response(body: [UInt8](repeating: 1, count: 99)) }
    var request = HTTPRequest(.get, try url(server))
    request.longestResponseInBytes = 98
    let sent = request
    await #expect(throws: TransportError.responseTooLarge(limit: 98)) {
      try await HTTPClient().send(sent)
    }
  }

  @Test func `a cancelled task leaves a silent server at once`() async throws {
    let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
    let server = try TestServer { _ in
      arrived.yield()
      return TestServer.Response(isSilent: true)
    }
    let url = try url(server)
    let task = Task { try await HTTPClient().send(HTTPRequest(.get, url)) }
    for await _ in arrivals { break }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `a task cancelled before it sends is cancelled`() async throws {
    let server = try TestServer { _ in TestServer.Response(isSilent: true) }
    let url = try url(server)
    let client = HTTPClient()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await client.send(HTTPRequest(.get, url))
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func `a closed port is unreachable and a cut answer is broken`() async throws {
    let server = try TestServer { _ in TestServer.Response(body: [1, 2, 3], closeAfter: 1) }
    do {
      _ = try await HTTPClient().send(HTTPRequest(.get, try url(server)))
      Issue.record("nothing was thrown")
    } catch TransportError.broken {
    }
    let closed = try #require(HTTPURL("http://127.0.0.1:1/"))
    do {
      _ = try await HTTPClient().send(HTTPRequest(.get, closed))
      Issue.record("nothing was thrown")
    } catch TransportError.unreachable(let reason) {
      #expect(reason.contains("port 1"))
    }
  }

  @Test func `a header field with a line break is not sent`() async throws {
    let server = try TestServer { _ in TestServer.Response() }
    var request = HTTPRequest(.get, try url(server))
    request.authorization = Secret("Bearer x\r\nHost: evil")
    let sent = request
    await #expect(throws: TransportError.self) { try await HTTPClient().send(sent) }
  }

  @Test func `a server that falls silent has stalled`() async throws {
    let server = try TestServer { _ in TestServer.Response(isSilent: true) }
    var options = HTTPOptions()
    options.stallTimeout = .seconds(1)
    let client = HTTPClient(options)
    await #expect(throws: TransportError.stalled) {
      try await client.send(HTTPRequest(.get, try url(server)))
    }
  }

  @Test func `a proxy is used for other hosts and never for loopback`() async throws {
    let proxy = try TestServer { TestServer.Response(body: Array($0.path.utf8)) }
    var options = HTTPOptions()
    options.proxies = HTTPProxies(http: "http://\(proxy.authority)", exceptions: "direct.invalid")
    let client = HTTPClient(options)
    let far = try #require(HTTPURL("http://registry.invalid/v2/"))
    let answer = try await client.send(HTTPRequest(.get, far))
    #expect(String(decoding: answer.body, as: UTF8.self) == "http://registry.invalid/v2/")
    let near = try await client.send(HTTPRequest(.get, try url(proxy, "/v2/")))
    #expect(String(decoding: near.body, as: UTF8.self) == "/v2/")
    let direct = try #require(HTTPURL("http://direct.invalid/v2/"))
    await #expect(throws: TransportError.self) { try await client.send(HTTPRequest(.get, direct)) }
  }

  @Test func `a connection is used again`() async throws {
    let server = try TestServer { _ in TestServer.Response() }
    let client = HTTPClient()
    for _ in 0..<20 { _ = try await client.send(HTTPRequest(.head, try url(server))) }
    #expect(server.connectionCount == 1)
  }
}
