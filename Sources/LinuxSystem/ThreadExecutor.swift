// SPDX-License-Identifier: Apache-2.0

/// Runs an actor on a thread of its own, so that its methods may block.
package final class ThreadExecutor: SerialExecutor {
  private let thread = WorkerThreads(count: 1)

  package init() {}

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    thread.start { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
