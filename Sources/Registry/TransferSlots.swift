// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets a fixed number of operations run at once; the others wait in order.
final class TransferSlots: Sendable {
  private struct State {
    var free: Int
    var nextTicket = 0
    var waiting: [(ticket: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    /// Tickets whose task was cancelled before it began to wait.
    var abandoned: Set<Int> = []
  }

  private let state: Mutex<State>

  init(count: Int) { state = Mutex(State(free: max(1, count))) }

  func run<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
    let ticket = try await enter()
    defer { leave(ticket) }
    return try await body()
  }

  private func enter() async throws -> Int {
    try Task.checkCancellation()
    let ticket = state.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { wait(ticket, $0) }
    } onCancel: {
      abandon(ticket)
    }
    return ticket
  }

  private func wait(_ ticket: Int, _ continuation: CheckedContinuation<Void, any Error>) {
    enum Decision { case go, stop, wait }
    let decision: Decision = state.withLock { state in
      if state.abandoned.remove(ticket) != nil { return .stop }
      if state.free > 0 {
        state.free -= 1
        return .go
      }
      state.waiting.append((ticket, continuation))
      return .wait
    }
    switch decision {
    case .go: continuation.resume()
    case .stop: continuation.resume(throwing: CancellationError())
    case .wait: break
    }
  }

  private func abandon(_ ticket: Int) {
    let waiter = state.withLock { state in
      if let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) {
        return Optional(state.waiting.remove(at: index).continuation)
      }
      state.abandoned.insert(ticket)
      return nil
    }
    waiter?.resume(throwing: CancellationError())
  }

  private func leave(_ ticket: Int) {
    let next = state.withLock { state in
      state.abandoned.remove(ticket)
      if !state.waiting.isEmpty { return Optional(state.waiting.removeFirst().continuation) }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
