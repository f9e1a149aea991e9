// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization
import Testing

@Suite struct WorkerThreadsTests {
  struct Failure: Error, Equatable {}

  /// How many jobs have come this far.
  private final class Arrivals: Sendable {
    private let count = Atomic(0)

    func arrive(andWaitFor others: Int) {
      count.add(1, ordering: .sequentiallyConsistent)
      while count.load(ordering: .sequentiallyConsistent) < others { sched_yield() }
    }
  }

  @Test func `results and errors come back`() async throws {
    let workers = WorkerThreads(count: 1)
    #expect(try await workers.run { 7 } == 7)
    await #expect(throws: Failure()) { try await workers.run { throw Failure() } }
  }

  @Test func `many jobs all run, however few the threads`() async throws {
    let workers = WorkerThreads(count: 2)
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<1000 { group.addTask { try await workers.run { number } } }
      return try await group.reduce(0, +)
    }
    #expect(total == 499_500)
  }

  @Test func `as many jobs run at once as there are threads`() async throws {
    let workers = WorkerThreads(count: 3)
    let arrivals = Arrivals()
    // Each job waits for the two others: with fewer threads this would not end.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask {
          try await workers.run {
            arrivals.arrive(andWaitFor: 3)
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func `a job outlives the value that took it`() async throws {
    let result = try await WorkerThreads(count: 1).run { 1 }
    #expect(result == 1)
  }
}
