// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import Registry

@Suite struct TransferSlotsTests {
  private final class Counts: Sendable {
    private let state = Mutex([0, 0])

    var now: Int { state.withLock { $0[0] } }
    var most: Int { state.withLock { $0[1] } }

    func enter() { state.withLock { $0 = [$0[0] + 1, max($0[1], $0[0] + 1)] } }
    func leave() { state.withLock { $0[0] -= 1 } }
  }

  @Test func `no more run at once than there are slots`() async throws {
    let slots = TransferSlots(count: 3)
    let counts = Counts()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await slots.run {
            counts.enter()
            for _ in 0..<10 { await Task.yield() }
            counts.leave()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(counts.most == 3)
    #expect(counts.now == 0)
  }

  @Test func `a cancelled waiter leaves and the slot goes to the next`() async throws {
    let slots = TransferSlots(count: 1)
    let (gate, open) = AsyncStream.makeStream(of: Void.self)
    let (starts, started) = AsyncStream.makeStream(of: Void.self)
    let first = Task {
      try await slots.run {
        started.yield()
        for await _ in gate { break }
      }
    }
    for await _ in starts { break }
    let second = Task { try await slots.run {} }
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    open.yield()
    try await first.value
    try await slots.run {}
  }
}
