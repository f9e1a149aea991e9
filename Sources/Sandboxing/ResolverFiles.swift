// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The content of the files in `/etc` that belong to the place a command runs in, not to its image.
struct ResolverFiles: Codable, Hashable, Sendable {
  var hosts: [UInt8]
  var hostname: [UInt8]
  var resolvConf: [UInt8]

  /// The network is the host's, so its name servers and names hold as they are.
  ///
  /// - Parameters:
  ///   - hosts: The host's `/etc/hosts`; empty where it has none.
  ///   - resolvConf: The host's `/etc/resolv.conf`.
  init(hosts: [UInt8], resolvConf: [UInt8], hostname: String) {
    let names = hostname == "localhost" ? hostname : "localhost \(hostname)"
    self.hosts =
      Array("127.0.0.1\t\(names)\n::1\tlocalhost ip6-localhost ip6-loopback\n".utf8)
      + hosts
    self.hostname = Array("\(hostname)\n".utf8)
    self.resolvConf = resolvConf
  }

  /// From the host's own files; one that is missing or too large counts as empty.
  ///
  /// - Parameter lines: More for `/etc/hosts`, before the host's own.
  static func ofHost(hostname: String, more lines: [String] = []) -> ResolverFiles {
    func content(_ path: PathBytes) -> [UInt8] { (try? contents(of: path, limit: 1 << 20)) ?? [] }
    return ResolverFiles(
      hosts: lines.flatMap { Array("\($0)\n".utf8) } + content("/etc/hosts"),
      resolvConf: content("/etc/resolv.conf"), hostname: hostname)
  }

  /// Each file's name in `/etc`, and what it holds.
  var entries: [(name: String, content: [UInt8])] {
    [("hosts", hosts), ("hostname", hostname), ("resolv.conf", resolvConf)]
  }

  static let names = ["hosts", "hostname", "resolv.conf"]
}
