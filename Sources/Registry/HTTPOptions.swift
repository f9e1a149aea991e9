// SPDX-License-Identifier: Apache-2.0

/// How connections are made, for every request of a client.
package struct HTTPOptions: Sendable {
  package var userAgent = "caisson"
  /// PEM certificates that are trusted instead of the system's.
  package var caFile: String?
  /// The same as text, which goes before ``caFile``. libcurl reads it again for each connection.
  package var caCertificates: [UInt8]?
  /// Nil leaves the proxies to libcurl, which reads `http_proxy`, `https_proxy`, `all_proxy` and
  /// `no_proxy`. Loopback hosts are never reached through a proxy.
  package var proxies: HTTPProxies?
  package var connectTimeout: Duration = .seconds(30)
  /// A transfer ends when less than a byte a second moved for this long.
  package var stallTimeout: Duration = .seconds(60)
  /// The same for bulk uploads: registries are silent while they store what they got.
  package var uploadStallTimeout: Duration = .seconds(600)

  package init() {}
}

/// Proxies by the scheme of the target; their URLs may hold credentials and are never printed.
package struct HTTPProxies: Sendable {
  package var http: String?
  package var https: String?
  /// Comma-separated hosts, domains and CIDR blocks that are reached directly; `*` is all.
  package var exceptions: String?

  package init(http: String? = nil, https: String? = nil, exceptions: String? = nil) {
    self.http = http
    self.https = https
    self.exceptions = exceptions
  }

  package static let none = HTTPProxies()
}

/// `localhost`, 127.0.0.0/8 and `[::1]`.
package func isLoopback(host: String) -> Bool {
  if host == "localhost" || host == "[::1]" { return true }
  let parts = host.split(separator: ".", omittingEmptySubsequences: false)
  return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
}
