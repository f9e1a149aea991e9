// SPDX-License-Identifier: Apache-2.0

import CCurl

/// One transfer's libcurl handle.
struct EasyHandle: ~Copyable {
  fileprivate let pointer: UnsafeMutableRawPointer
  private var headers: UnsafeMutablePointer<curl_slist>?

  /// The same for the whole life of the handle.
  var identifier: UInt { UInt(bitPattern: pointer) }

  init() {
    precondition(curlIsReady, "libcurl cannot be initialised")
    guard let pointer = curl_easy_init() else { preconditionFailure("libcurl is out of memory") }
    self.pointer = pointer
  }

  deinit {
    curl_easy_cleanup(pointer)
    curl_slist_free_all(headers)
  }

  func set(_ option: CURLoption, _ value: Int) { caisson_curl_set_long(pointer, option, value) }
  func set(_ option: CURLoption, _ isOn: Bool) { set(option, isOn ? 1 : 0) }

  func set(_ option: CURLoption, offset: Int64) {
    caisson_curl_set_offset(pointer, option, curl_off_t(offset))
  }

  func set(_ option: CURLoption, _ value: String) {
    caisson_curl_set_string(pointer, option, value)
  }

  func set(_ option: CURLoption, bytes: [UInt8]) {
    bytes.withUnsafeBytes {
      _ = caisson_curl_set_blob(pointer, option, $0.baseAddress, $0.count)
    }
  }

  func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) {
    caisson_curl_set_pointer(pointer, option, value)
  }

  func set(_ option: CURLoption, transfer callback: caisson_curl_transfer) {
    caisson_curl_set_transfer(pointer, option, callback)
  }

  func set(seek callback: caisson_curl_seek) { caisson_curl_set_seek(pointer, callback) }

  /// Whether the connection, TLS included, was ready for the request.
  var hasConnected: Bool {
    var microseconds: curl_off_t = 0
    let code = caisson_curl_get_offset(pointer, CURLINFO_PRETRANSFER_TIME_T, &microseconds)
    return code == CURLE_OK && microseconds > 0
  }

  /// Sends these lines; `Name:` takes away a line libcurl would send by itself.
  mutating func setHeaders(_ lines: [String]) {
    for line in lines { headers = curl_slist_append(headers, line) ?? headers }
    caisson_curl_set_pointer(pointer, CURLOPT_HTTPHEADER, headers)
  }
}

/// Many transfers driven by one thread. Only ``wakeUp()`` may be called from another.
struct MultiHandle: ~Copyable, @unchecked Sendable {
  private let pointer: UnsafeMutableRawPointer

  init() {
    precondition(curlIsReady, "libcurl cannot be initialised")
    guard let pointer = curl_multi_init() else { preconditionFailure("libcurl is out of memory") }
    self.pointer = pointer
  }

  deinit { curl_multi_cleanup(pointer) }

  func add(_ easy: borrowing EasyHandle) -> Bool {
    curl_multi_add_handle(pointer, easy.pointer) == CURLM_OK
  }

  func remove(_ easy: borrowing EasyHandle) { curl_multi_remove_handle(pointer, easy.pointer) }

  /// Moves what can be moved without waiting.
  func perform() -> Bool {
    var running: Int32 = 0
    return curl_multi_perform(pointer, &running) == CURLM_OK
  }

  /// Waits until a socket is ready, a timer of libcurl's runs out or ``wakeUp()`` is called.
  func wait() { curl_multi_poll(pointer, nil, 0, 60_000, nil) }

  func wakeUp() { curl_multi_wakeup(pointer) }

  func nextFinished() -> (identifier: UInt, code: CURLcode)? {
    var left: Int32 = 0
    while let message = curl_multi_info_read(pointer, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else {
        continue
      }
      return (UInt(bitPattern: easy), message.pointee.data.result)
    }
    return nil
  }
}

/// libcurl's process-wide state, made on first use.
private let curlIsReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
