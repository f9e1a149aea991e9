// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Debian's registry on a free loopback port.
///
/// Its script ends with the pipe this process holds, however the process ends, and takes the folder
/// with it.
package final class RegistryServer: Sendable {
  /// host:port.
  package let address: String
  /// Holds the storage and the access log; for other temporary things of the tests too.
  package let folder: String
  private let input: Int32

  /// - Parameters:
  ///   - passwords: A file as `htpasswd` writes it; nil lets everybody in.
  ///   - tls: A folder with `certificate.pem` and `key.pem`; nil serves plain HTTP.
  package init(bases: [String] = [], passwords: String? = nil, tls: String? = nil) throws {
    var ends: [Int32] = [-1, -1]
    try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
    input = ends[1]
    defer { close(ends[0]) }
    let said = try TemporaryFolder()
    let options = (passwords.map { ["--htpasswd", $0] } ?? []) + (tls.map { ["--tls", $0] } ?? [])
    _ = try Command([Checkout.folder + "/scripts/registry"] + options + bases).start(
      output: said.path + "/output", errors: said.path + "/errors", input: ends[0])
    let lines: [String]
    do {
      // Two bases are pushed first, beside all the other tests.
      lines = try waitForLines(2, of: said.path + "/output", seconds: 180)
    } catch {
      throw Failure("\(error): \((try? text(of: said.path + "/errors")) ?? "")")
    }
    address = lines[0]
    folder = lines[1]
  }

  package static func started(
    bases: [String] = [], passwords: String? = nil
  ) async throws -> RegistryServer {
    try await Command.workers.run { try RegistryServer(bases: bases, passwords: passwords) }
  }

  deinit { close(input) }

  /// How often clients sent blobs to `repository` so far.
  package func uploads(to repository: String) throws -> Int {
    try text(of: folder + "/log").split(separator: "\n").count {
      ($0.contains("\"PUT /v2/\(repository)/blobs/")
        || $0.contains("\"PATCH /v2/\(repository)/blobs/"))
    }
  }
}

/// Waits until a file that another process writes has so many whole lines.
package func waitForLines(_ count: Int, of path: String, seconds: Int = 60) throws -> [String] {
  try wait(seconds: seconds, for: "\(count) lines in \(path)") {
    let lines = try text(of: path).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > count ? lines.prefix(count).map(String.init) : nil
  }
}

/// Asks again and again until there is an answer; only for what other processes do.
@discardableResult
package func wait<Answer>(
  seconds: Int, for what: String, _ question: () throws -> Answer?
) throws -> Answer {
  for _ in 0..<(seconds * 20) {
    if let answer = try question() { return answer }
    poll(nil, 0, 50)
  }
  throw Failure("waited \(seconds) s for \(what)")
}
