// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Synchronization

/// Tells work on a plain thread that its task was cancelled.
final class Cancellation: Sendable {
  private let isCancelled = Atomic(false)

  fileprivate func cancel() { isCancelled.store(true, ordering: .relaxed) }

  func check() throws {
    if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
  }
}

extension WorkerThreads {
  /// Runs `body`, which calls `check()` between pieces of its work.
  func run<Result: Sendable>(
    cancellable body: @escaping @Sendable (Cancellation) throws -> Result
  ) async throws -> Result {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
      try Task.checkCancellation()
      return try await run { try body(cancellation) }
    } onCancel: {
      cancellation.cancel()
    }
  }
}
