// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Plain threads for work that blocks: files, hashing, compression.
///
/// Swift's own pool has one thread a core; a blocking call there stops unrelated tasks.
package final class WorkerThreads: Sendable {
  private let queue = JobQueue()

  /// - Parameter count: How many jobs run at once; threads live as long as this value.
  package init(count: Int) {
    self.count = count
    for _ in 0..<count { startThread { [queue] in queue.work() } }
  }

  deinit { queue.close() }

  package let count: Int

  /// Puts `body` in the queue and returns at once.
  package func start(_ body: @escaping @Sendable () -> Void) { queue.add(body) }

  /// Runs `body` on one of the threads.
  ///
  /// Cancellation is not forwarded: `body` runs to its end. Check for it between pieces of work.
  package func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.add { continuation.resume(with: Swift.Result(catching: body)) }
    }
  }
}

/// Starts a detached thread.
package func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  pthread_attr_setstacksize(&attributes, 2 << 20)
  let box = Unmanaged.passRetained(Box(body))
  let status = pthread_create(
    &thread, &attributes,
    { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  pthread_attr_destroy(&attributes)
  precondition(status == 0, "no thread could be started: \(Errno(status))")
}

/// First come, first served, behind a mutex and a condition variable.
private final class JobQueue: @unchecked Sendable {
  // Unchecked: the two pthread objects need a fixed address, which a class gives them; everything
  // else is touched only with `mutex` held.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [@Sendable () -> Void] = []
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func add(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(mutex)
    jobs.append(job)
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Runs jobs until the queue is closed and empty.
  func work() {
    while let job = next() { job() }
  }

  private func next() -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while jobs.isEmpty && !isClosed { pthread_cond_wait(condition, mutex) }
    return jobs.isEmpty ? nil : jobs.removeFirst()
  }
}

/// How many processors this process may use at once.
package func onlineProcessors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
