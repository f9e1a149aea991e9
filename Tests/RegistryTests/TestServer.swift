// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// An HTTP/1.1 server on a free loopback port, one thread a connection.
///
/// It serves until the process ends: a test need not keep it alive.
final class TestServer: Sendable {
  struct Request: Sendable {
    var method: String
    var path: String
    var query: [(name: String, value: String)]
    /// Names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    func all(_ name: String) -> [String] { query.filter { $0.name == name }.map(\.value) }
    subscript(name: String) -> String? { all(name).first }
  }

  struct Response: Sendable {
    var status = 200
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    /// Hang up after so many bytes of the body.
    var closeAfter: Int?
    /// Answer nothing until the client hangs up.
    var isSilent = false
  }

  let port: UInt16
  private let accepted = Mutex(0)

  init(_ answer: @escaping @Sendable (Request) -> Response) throws {
    let listener = try retrying("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) { pointer in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        try retrying("bind") { bind(listener, .init(__sockaddr__: pointer), length) }
        try retrying("listen") { listen(listener, 64) }
        try retrying("getsockname") { getsockname(listener, .init(__sockaddr__: pointer), &length) }
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    startThread { [self] in
      while true {
        let connection = accept(listener, .init(__sockaddr__: nil), nil)
        guard connection >= 0 else { continue }
        accepted.withLock { $0 += 1 }
        startThread {
          serve(connection, answer)
          close(connection)
        }
      }
    }
  }

  var authority: String { "127.0.0.1:\(port)" }

  /// Connections that were ever made.
  var connectionCount: Int { accepted.withLock { $0 } }
}

private func serve(
  _ connection: Int32, _ answer: (TestServer.Request) -> TestServer.Response
) {
  var input = Input(connection)
  while let request = input.request() {
    let response = answer(request)
    if response.isSilent {
      input.waitForEnd()
      return
    }
    guard write(response, to: connection, isHead: request.method == "HEAD") else { return }
  }
}

private func write(_ response: TestServer.Response, to connection: Int32, isHead: Bool) -> Bool {
  var head = "HTTP/1.1 \(response.status) Status\r\n"
  for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
  if !response.headers.contains(where: { $0.0.lowercased() == "content-length" }) {
    head += "Content-Length: \(response.body.count)\r\n"
  }
  head += "\r\n"
  let body = isHead ? [] : Array(response.body.prefix(response.closeAfter ?? .max))
  var bytes = Array(head.utf8) + body
  while !bytes.isEmpty {
    let count = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    guard count > 0 else { return false }
    bytes.removeFirst(count)
  }
  return response.closeAfter == nil
}

private struct Input {
  private let connection: Int32
  private var pending: [UInt8] = []

  init(_ connection: Int32) { self.connection = connection }

  private mutating func fill() -> Bool {
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    let count = recv(connection, &piece, piece.count, 0)
    guard count > 0 else { return false }
    pending += piece[..<count]
    return true
  }

  mutating func waitForEnd() { while fill() { pending = [] } }

  mutating func request() -> TestServer.Request? {
    let end = Array("\r\n\r\n".utf8)
    while pending.firstRange(of: end) == nil { if !fill() { return nil } }
    guard let range = pending.firstRange(of: end) else { return nil }
    let lines = String(decoding: pending[..<range.lowerBound], as: UTF8.self).split(
      separator: "\r\n")
    pending.removeFirst(range.upperBound)
    let words = lines[0].split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(
        line[line.index(after: colon)...].drop { $0 == " " })
    }
    let size = headers["content-length"].flatMap { Int($0) } ?? 0
    while pending.count < size { if !fill() { return nil } }
    let body = Array(pending[..<size])
    pending.removeFirst(size)
    let target = words[1].split(separator: "?", maxSplits: 1)
    return TestServer.Request(
      method: String(words[0]), path: String(target[0]),
      query: parsedQuery(target.count > 1 ? String(target[1]) : ""), headers: headers, body: body)
  }
}

/// `a=1&b=%3A`.
func parsedQuery(_ text: String) -> [(name: String, value: String)] {
  text.split(separator: "&").map { item in
    let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
  }
}

private func decoded(_ text: Substring) -> String {
  var bytes: [UInt8] = []
  var rest = Array(text.utf8)[...]
  while let byte = rest.popFirst() {
    if byte == UInt8(ascii: "%"), rest.count >= 2,
      let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
    {
      bytes.append(value)
      rest = rest.dropFirst(2)
    } else {
      bytes.append(byte)
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
