// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import LinuxSystem

/// One request under way: what libcurl's callbacks read and write.
final class HTTPTransfer: @unchecked Sendable {
  // Unchecked: after its initialiser it is touched by the client's thread only.
  private(set) var easy = EasyHandle()
  var isCancelled = false

  private let request: HTTPRequest
  private let receiver: HTTPReceiver?
  private let errorText: UnsafeMutablePointer<CChar>
  private var head = ResponseHead(status: 0)
  private var headSizeInBytes = 0
  private var isHeadComplete = false
  private var kept: [UInt8] = []
  private var sentInBytes: Int64 = 0
  private var failure: (any Error)?

  private static let longestHeadInBytes = 256 << 10
  private static let longestErrorInBytes = 64 << 10
  private static let bulkSendBufferInBytes = 1 << 20
  private static let bulkReceiveBufferInBytes = 512 << 10

  init(_ request: HTTPRequest, options: HTTPOptions, receiver: HTTPReceiver?) throws {
    self.request = request
    self.receiver = receiver
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    setConnection(options)
    setMethod()
    setCallbacks()
    easy.setHeaders(try headerLines(options))
  }

  deinit { errorText.deallocate() }

  /// What became of the transfer, once libcurl is done with it.
  func result(_ code: CURLcode) -> Result<HTTPResponse, any Error> {
    if let failure { return .failure(failure) }
    if code == CURLE_OK { return .success(HTTPResponse(url: request.url, head: head, body: kept)) }
    // An answer that came before our body was all sent says more than the broken connection.
    if code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR, isHeadComplete, head.status >= 400 {
      return .success(HTTPResponse(url: request.url, head: head, body: kept))
    }
    return .failure(transportError(code))
  }

  // MARK: Options

  private func setConnection(_ options: HTTPOptions) {
    easy.set(CURLOPT_URL, request.url.text)
    easy.set(CURLOPT_NOSIGNAL, true)
    easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
    easy.set(CURLOPT_ERRORBUFFER, pointer: errorText)
    easy.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connectTimeout))
    easy.set(CURLOPT_LOW_SPEED_LIMIT, 1)
    let isUpload = request.isBulk && request.method.sendsBody
    let stall = isUpload ? options.uploadStallTimeout : options.stallTimeout
    easy.set(CURLOPT_LOW_SPEED_TIME, max(1, milliseconds(stall) / 1000))
    easy.set(CURLOPT_USERAGENT, options.userAgent)
    easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
    easy.set(CURLOPT_PIPEWAIT, !request.isBulk)
    let version = request.isBulk ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS
    easy.set(CURLOPT_HTTP_VERSION, Int(version))
    easy.set(CURLOPT_SSL_VERIFYPEER, request.verifiesTLS)
    easy.set(CURLOPT_SSL_VERIFYHOST, request.verifiesTLS ? 2 : 0)
    if let certificates = options.caCertificates {
      easy.set(CURLOPT_CAINFO_BLOB, bytes: certificates)
    } else if let caFile = options.caFile {
      easy.set(CURLOPT_CAINFO, caFile)
    }
    if request.isBulk {
      easy.set(CURLOPT_BUFFERSIZE, Self.bulkReceiveBufferInBytes)
      if isUpload { easy.set(CURLOPT_UPLOAD_BUFFERSIZE, Self.bulkSendBufferInBytes) }
    }
    setProxy(options.proxies)
  }

  private func setProxy(_ proxies: HTTPProxies?) {
    let origin = request.url.origin
    if isLoopback(host: origin.host) {
      easy.set(CURLOPT_PROXY, "")
    } else if let proxies {
      easy.set(CURLOPT_PROXY, (origin.scheme == .http ? proxies.http : proxies.https) ?? "")
      easy.set(CURLOPT_NOPROXY, proxies.exceptions ?? "")
    }
  }

  private func setMethod() {
    switch request.method {
    case .get: easy.set(CURLOPT_HTTPGET, true)
    case .head: easy.set(CURLOPT_NOBODY, true)
    case .delete: easy.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    case .post, .put:
      easy.set(CURLOPT_UPLOAD, true)
      easy.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
      easy.set(CURLOPT_INFILESIZE_LARGE, offset: request.body.sizeInBytes)
    }
  }

  private func headerLines(_ options: HTTPOptions) throws -> [String] {
    var lines = request.headers.fields.map { field in
      // libcurl takes `Name:` for "leave it out" and `Name;` for an empty value.
      field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
    }
    if let authorization = request.authorization {
      lines.append("authorization: \(authorization.revealed)")
    }
    guard lines.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }) else {
      throw TransportError.invalidRequest(reason: "a header field holds a control character")
    }
    // Registries gain nothing from the extra round trip.
    return lines + ["expect:"]
  }

  // MARK: Callbacks

  private func setCallbacks() {
    let context = Unmanaged.passUnretained(self).toOpaque()
    easy.set(CURLOPT_HEADERDATA, pointer: context)
    easy.set(CURLOPT_WRITEDATA, pointer: context)
    easy.set(CURLOPT_READDATA, pointer: context)
    easy.set(CURLOPT_SEEKDATA, pointer: context)
    easy.set(
      CURLOPT_HEADERFUNCTION,
      transfer: { bytes, size, count, context in
        HTTPTransfer.at(context).takeHeader(
          UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
    easy.set(
      CURLOPT_WRITEFUNCTION,
      transfer: { bytes, size, count, context in
        HTTPTransfer.at(context).takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
      })
    easy.set(
      CURLOPT_READFUNCTION,
      transfer: { bytes, size, count, context in
        HTTPTransfer.at(context).giveBody(
          UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
      })
    easy.set(seek: { context, offset, origin in
      HTTPTransfer.at(context).seekBody(to: Int64(offset), origin: origin)
    })
  }

  private static func at(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer {
    guard let context else { preconditionFailure("libcurl lost the context of a callback") }
    return Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
  }

  private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
    headSizeInBytes += bytes.count
    guard headSizeInBytes <= Self.longestHeadInBytes else {
      failure = TransportError.responseTooLarge(limit: Self.longestHeadInBytes)
      return 0
    }
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // Also after an interim answer (100 Continue), whose fields are dropped here.
      let words = line.split(whereSeparator: \.isWhitespace)
      head = ResponseHead(status: words.count > 1 ? Int(words[1]) ?? 0 : 0)
      isHeadComplete = false
    } else if line.allSatisfy(\.isNewline) {
      isHeadComplete = true
    } else if !isHeadComplete, let colon = line.firstIndex(of: ":") {
      head.headers.add(String(line[..<colon]), trimmed(line[line.index(after: colon)...]))
    }
    return bytes.count
  }

  private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
    do {
      if !head.isSuccess {
        kept.append(contentsOf: bytes.prefix(max(0, Self.longestErrorInBytes - kept.count)))
      } else if let receiver {
        try receiver(head, bytes)
      } else {
        guard kept.count + bytes.count <= request.longestResponseInBytes else {
          throw TransportError.responseTooLarge(limit: request.longestResponseInBytes)
        }
        kept.append(contentsOf: bytes)
      }
      return bytes.count
    } catch {
      failure = error
      return -1  // Anything but the count ends the transfer.
    }
  }

  private func giveBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    do {
      let count = try readBody(into: buffer)
      sentInBytes += Int64(count)
      if count > 0 { request.onSent?(sentInBytes) }
      return count
    } catch {
      failure = error
      return Int(CURL_READFUNC_ABORT)
    }
  }

  private func readBody(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = Int(min(Int64(buffer.count), request.body.sizeInBytes - sentInBytes))
    guard wanted > 0 else { return 0 }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
    switch request.body {
    case .none: return 0
    case .bytes(let bytes):
      let start = Int(sentInBytes)
      buffer.copyBytes(from: bytes[start..<start + wanted])
      return wanted
    case .file(let file, _):
      let count = try file.file.read(into: buffer, at: sentInBytes)
      guard count > 0 else {
        throw TransportError.invalidRequest(reason: "the file is shorter than announced")
      }
      return count
    }
  }

  /// libcurl sends a body again when a reused connection turns out to be dead.
  private func seekBody(to offset: Int64, origin: Int32) -> Int32 {
    guard origin == SEEK_SET, (0...request.body.sizeInBytes).contains(offset) else {
      return CURL_SEEKFUNC_CANTSEEK
    }
    sentInBytes = offset
    return CURL_SEEKFUNC_OK
  }

  // MARK: Errors

  private func transportError(_ code: CURLcode) -> TransportError {
    let detail = String(cString: errorText)
    let reason = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
      CURLE_PROXY:
      return .unreachable(reason: reason)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CONNECT_ERROR,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
      CURLE_SSL_INVALIDCERTSTATUS:
      return .untrusted(reason: reason)
    case CURLE_OPERATION_TIMEDOUT:
      return easy.hasConnected ? .stalled : .unreachable(reason: reason)
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .invalidRequest(reason: reason)
    default: return .broken(reason: reason)
    }
  }
}

private func milliseconds(_ duration: Duration) -> Int {
  let (seconds, attoseconds) = duration.components
  return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
}

func trimmed(_ text: some StringProtocol) -> String {
  let isBlank: (Character) -> Bool = { $0.isWhitespace }
  guard let first = text.firstIndex(where: { !isBlank($0) }),
    let last = text.lastIndex(where: { !isBlank($0) })
  else { return "" }
  return String(text[first...last])
}
