// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// Sends HTTP requests from threads of its own, reusing connections.
///
/// It follows no redirects and repeats nothing: that is for its callers. Memory is bounded by the
/// buffers of the requests under way, whatever the size of their bodies. Receivers run on the
/// threads for bulk, so that hashing one blob holds up neither small requests nor every other blob.
package final class HTTPClient: Sendable {
  package let options: HTTPOptions
  /// The first is for small requests.
  private let engines: [HTTPEngine]
  private let bulkLoads: Mutex<[Int]>

  private static let bulkEngineCount = 3

  package init(_ options: HTTPOptions = HTTPOptions()) {
    self.options = options
    engines = (0...Self.bulkEngineCount).map { _ in HTTPEngine() }
    bulkLoads = Mutex([Int](repeating: 0, count: Self.bulkEngineCount))
    for engine in engines { startThread { engine.run() } }
  }

  deinit { for engine in engines { engine.close() } }

  /// - Parameter receiver: Takes the body of a successful answer; others are returned.
  /// - Throws: ``TransportError``, `CancellationError`, or what `receiver` throws.
  package func send(_ request: HTTPRequest, receiver: HTTPReceiver? = nil) async throws
    -> HTTPResponse
  {
    let transfer = try HTTPTransfer(request, options: options, receiver: receiver)
    guard request.isBulk else { return try await engines[0].send(transfer) }
    let index = leastLoaded()
    defer { bulkLoads.withLock { $0[index] -= 1 } }
    return try await engines[1 + index].send(transfer)
  }

  private func leastLoaded() -> Int {
    bulkLoads.withLock { loads in
      let index = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[index] += 1
      return index
    }
  }
}

/// One thread of the client, and the queue into it.
private final class HTTPEngine: Sendable {
  struct Job {
    let transfer: HTTPTransfer
    let continuation: CheckedContinuation<HTTPResponse, any Error>

    func finish(_ result: Result<HTTPResponse, any Error>) { continuation.resume(with: result) }
  }

  private struct Inbox {
    var arriving: [Job] = []
    var cancelled: [HTTPTransfer] = []
    var isClosed = false
  }

  private let multi = MultiHandle()
  private let inbox = Mutex(Inbox())

  func send(_ transfer: HTTPTransfer) async throws -> HTTPResponse {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        post { $0.arriving.append(Job(transfer: transfer, continuation: continuation)) }
      }
    } onCancel: {
      post { $0.cancelled.append(transfer) }
    }
  }

  func close() { post { $0.isClosed = true } }

  private func post(_ change: (inout sending Inbox) -> Void) {
    inbox.withLock { change(&$0) }
    multi.wakeUp()
  }

  /// Runs until the client is gone; nobody can be waiting for a transfer then.
  func run() {
    blockBrokenPipeSignal()
    var active: [UInt: Job] = [:]
    while takeMail(&active) {
      if !multi.perform() { failAll(&active) }
      while let (identifier, code) = multi.nextFinished() {
        guard let job = active.removeValue(forKey: identifier) else { continue }
        multi.remove(job.transfer.easy)
        job.finish(job.transfer.result(code))
      }
      multi.wait()
    }
  }

  /// - Returns: False when the client was closed.
  private func takeMail(_ active: inout [UInt: Job]) -> Bool {
    let mail = inbox.withLock { inbox in
      let mail = inbox
      inbox = Inbox()
      inbox.isClosed = mail.isClosed
      return mail
    }
    for transfer in mail.cancelled {
      // A transfer may be cancelled before it arrives.
      transfer.isCancelled = true
      guard let job = active.removeValue(forKey: transfer.easy.identifier) else { continue }
      multi.remove(transfer.easy)
      job.finish(.failure(CancellationError()))
    }
    for job in mail.arriving {
      if job.transfer.isCancelled {
        job.finish(.failure(CancellationError()))
      } else if multi.add(job.transfer.easy) {
        active[job.transfer.easy.identifier] = job
      } else {
        job.finish(.failure(TransportError.unreachable(reason: "libcurl refused the transfer")))
      }
    }
    return !mail.isClosed
  }

  private func failAll(_ active: inout [UInt: Job]) {
    for job in active.values {
      multi.remove(job.transfer.easy)
      job.finish(.failure(TransportError.broken(reason: "libcurl gave up")))
    }
    active = [:]
  }
}

/// A peer that hangs up must not end the program.
private func blockBrokenPipeSignal() {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGPIPE)
  pthread_sigmask(SIG_BLOCK, &signals, nil)
}
