// SPDX-License-Identifier: Apache-2.0

import CCurl

/// An absolute `http` or `https` URL without user information or fragment.
///
/// It prints without its query, where registries keep upload states and signatures.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
  package enum Scheme: String, Hashable, Sendable {
    case http, https

    var defaultPort: Int { self == .http ? 80 : 443 }
  }

  /// Scheme, host and port: what credentials belong to.
  package struct Origin: Hashable, Sendable {
    package var scheme: Scheme
    /// Lower case; IPv6 addresses in brackets.
    package var host: String
    package var port: Int

    /// Without a default port.
    package var authority: String { port == scheme.defaultPort ? host : "\(host):\(port)" }
  }

  /// For the wire only: the query may hold a signature.
  package let text: String
  package let origin: Origin
  package let path: String

  /// - Returns: Nil for other schemes, relative references and what libcurl cannot parse.
  package init?(_ text: String) {
    var parts = URLParts()
    guard parts.set(text) else { return nil }
    self.init(parts)
  }

  /// The target of a `Location` header that came in answer to this URL. RFC 3986, section 5.
  package func resolving(_ location: String) -> HTTPURL? {
    var parts = URLParts()
    guard parts.set(text), parts.set(location) else { return nil }
    return HTTPURL(parts)
  }

  private init?(_ parts: borrowing URLParts) {
    parts.clear(CURLUPART_USER)
    parts.clear(CURLUPART_PASSWORD)
    parts.clear(CURLUPART_FRAGMENT)
    guard let scheme = parts.get(CURLUPART_SCHEME).flatMap({ Scheme(rawValue: $0.lowercased()) }),
      let host = parts.get(CURLUPART_HOST), !host.isEmpty,
      let port = parts.get(CURLUPART_PORT).flatMap({ Int($0) }),
      let text = parts.get(CURLUPART_URL)
    else { return nil }
    self.text = text
    self.origin = Origin(scheme: scheme, host: host.lowercased(), port: port)
    self.path = parts.get(CURLUPART_PATH) ?? "/"
  }

  /// The same URL with more query items; names and values are percent-encoded here.
  package func adding(_ items: [(name: String, value: String)]) -> HTTPURL? {
    guard !items.isEmpty else { return self }
    let added = items.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }
    return HTTPURL(text + (text.contains("?") ? "&" : "?") + added.joined(separator: "&"))
  }

  package var description: String { "\(origin.scheme.rawValue)://\(origin.authority)\(path)" }
}

/// RFC 3986, section 2.3: everything but unreserved characters becomes `%XX`.
func percentEncoded(_ text: String) -> String {
  let digits = Array("0123456789ABCDEF".unicodeScalars)
  var out = ""
  for byte in text.utf8 {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
      out.unicodeScalars.append(Unicode.Scalar(byte))
    default:
      out += "%"
      out.unicodeScalars.append(digits[Int(byte >> 4)])
      out.unicodeScalars.append(digits[Int(byte & 15)])
    }
  }
  return out
}

/// libcurl's URL parser.
private struct URLParts: ~Copyable {
  private let handle: OpaquePointer

  init() {
    guard let handle = curl_url() else { preconditionFailure("libcurl is out of memory") }
    self.handle = handle
  }

  deinit { curl_url_cleanup(handle) }

  /// A relative reference is resolved against what was set before.
  mutating func set(_ text: String) -> Bool {
    // A NUL would hide the rest of the text from C.
    guard !text.utf8.contains(0) else { return false }
    return curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_URLENCODE)) == CURLUE_OK
  }

  func clear(_ part: CURLUPart) { curl_url_set(handle, part, nil, 0) }

  func get(_ part: CURLUPart) -> String? {
    var found: UnsafeMutablePointer<CChar>?
    let flags = part == CURLUPART_PORT ? UInt32(CURLU_DEFAULT_PORT) : 0
    guard curl_url_get(handle, part, &found, flags) == CURLUE_OK, let found else { return nil }
    defer { curl_free(found) }
    return String(cString: found)
  }
}
