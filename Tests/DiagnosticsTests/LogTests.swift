// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Synchronization
import Testing

@Suite struct LogTests {
  @Test(arguments: Log.Level.allCases)
  func `only events at or above the level are posted`(_ threshold: Log.Level) {
    let posted = Mutex<[String]>([])
    let log = Log(threshold: threshold) { event in posted.withLock { $0.append(event.message) } }
    log.error("error")
    log.warn("warn")
    log.info("info")
    log.debug("debug")
    let expected = [
      Log.Level.error: 1, .warn: 2, .info: 3, .debug: 4, .trace: 4, .panic: 0, .fatal: 0,
    ]
    #expect(posted.withLock { $0.count } == expected[threshold])
    Log.silent.error("nobody hears this")
  }

  @Test func `fields keep their order`() {
    let fields = Mutex<[String]>([])
    let log = Log(threshold: .info) { event in
      fields.withLock { $0 = event.fields.map { "\($0.name)=\($0.value)" } }
    }
    log.info("layer written", ["digest": "d", "bytes": "7", "again": "x"])
    #expect(fields.withLock { $0 } == ["digest=d", "bytes=7", "again=x"])
    #expect(Log.Level.warn.name == "warn")
  }
}

@Suite struct SecretTests {
  private struct Holder { var password: Secret }

  @Test func `a secret is never printed`() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(Holder(password: secret), to: &dumped)
    let texts = [
      "\(secret)", String(describing: secret), String(reflecting: secret), dumped,
      "\(Holder(password: secret))", "\([secret])", "\(Optional(secret) as Any)",
    ]
    for text in texts { #expect(!text.contains("hunter2")) }
    #expect("\(secret)" == "[redacted]")
    #expect(secret.revealed == "hunter2")
  }
}
