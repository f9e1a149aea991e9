// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem

/// Header fields; names compare without case.
package struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  package private(set) var fields: [Field] = []

  package struct Field: Hashable, Sendable {
    /// Lower case.
    package var name: String
    package var value: String
  }

  package init() {}

  package init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }

  package mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name.lowercased(), value: value))
  }

  /// The first value under `name`.
  package subscript(name: String) -> String? { all(name).first }

  package func all(_ name: String) -> [String] {
    let name = name.lowercased()
    return fields.filter { $0.name == name }.map(\.value)
  }
}

/// A file that several transfers may read at once.
package final class BodyFile: Sendable {
  let file: FileDescriptor

  package init(_ file: consuming FileDescriptor) { self.file = file }
}

package enum HTTPBody: Sendable {
  case none
  case bytes([UInt8])
  /// The first `sizeInBytes` of a file, read piece by piece while it is sent.
  case file(BodyFile, sizeInBytes: Int64)

  var sizeInBytes: Int64 {
    switch self {
    case .none: 0
    case .bytes(let bytes): Int64(bytes.count)
    case .file(_, let size): size
    }
  }
}

package struct HTTPRequest: Sendable {
  package enum Method: String, Hashable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"

    var sendsBody: Bool { self == .post || self == .put }
  }

  package var method: Method
  package var url: HTTPURL
  package var headers = HTTPHeaders()
  package var authorization: Secret?
  package var body = HTTPBody.none
  package var verifiesTLS = true
  /// Large buffers, and HTTP/1.1: libcurl 7.88 takes five times the CPU for an upload over HTTP/2.
  package var isBulk = false
  /// A successful answer without a receiver may not be longer.
  package var longestResponseInBytes = 1 << 20
  /// Called on the client's thread with the bytes of the body sent so far.
  package var onSent: (@Sendable (Int64) -> Void)?

  package init(_ method: Method, _ url: HTTPURL) {
    self.method = method
    self.url = url
  }
}

/// Status and header fields of an answer.
package struct ResponseHead: Hashable, Sendable {
  package var status: Int
  package var headers: HTTPHeaders

  package init(status: Int, headers: HTTPHeaders = [:]) {
    self.status = status
    self.headers = headers
  }

  package var isSuccess: Bool { (200..<300).contains(status) }
}

package struct HTTPResponse: Sendable {
  /// Where it came from.
  package var url: HTTPURL
  package var head: ResponseHead
  /// Empty when a receiver took it; an error's body is cut at 64 KiB.
  package var body: [UInt8]
}

/// Takes the body of a successful answer in pieces, on the client's thread; it may block briefly.
package typealias HTTPReceiver = @Sendable (ResponseHead, UnsafeRawBufferPointer) throws -> Void

/// Why there is no answer.
package enum TransportError: Error, Hashable, Sendable {
  /// Name resolution, connection or proxy; nothing was sent.
  case unreachable(reason: String)
  /// The other side's certificate or the handshake was refused.
  case untrusted(reason: String)
  /// Nothing moved for too long.
  case stalled
  /// The connection ended in the middle.
  case broken(reason: String)
  case responseTooLarge(limit: Int)
  /// Our request cannot be put on the wire.
  case invalidRequest(reason: String)
}
