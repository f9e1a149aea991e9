// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// The threads that answer calls.
final class ReceiverThreads: Sendable {
  /// More than one, since handing a descriptor over waits for the process that gets it.
  static let count = max(2, min(4, onlineProcessors()))

  private struct Threads {
    /// Those that have not ended.
    var count = 0
    /// Of these, those that have begun.
    var ids: Set<pid_t> = []
  }
  private let threads = Mutex(Threads())

  func start(_ count: Int, world: World, listener: Int32) {
    // Ends a wait for the next call; nothing is to happen otherwise.
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(SIGUSR1, &action, nil)
    threads.withLock { $0.count += count }
    for _ in 0..<count {
      startThread {
        let thread = gettid()
        self.threads.withLock { _ = $0.ids.insert(thread) }
        Receiver(world: world, listener: listener).serve()
        self.threads.withLock { threads in
          threads.ids.remove(thread)
          threads.count -= 1
        }
      }
    }
  }

  /// Returns when none of them does anything any more. The world is ending, so each looks up when it
  /// is interrupted; a signal that comes just before its wait is lost, hence the repetition.
  ///
  /// One that does not come back in seconds is left behind: whom it serves is gone, and soon the whole
  /// program is.
  func stop() {
    for _ in 0..<Self.patience {
      let (count, ids) = threads.withLock { ($0.count, $0.ids) }
      if count == 0 { return }
      for thread in ids { tgkill(getpid(), thread, SIGUSR1) }
      usleep(200)
    }
  }

  private static let patience = 25_000
}
