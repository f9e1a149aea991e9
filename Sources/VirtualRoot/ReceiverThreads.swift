// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// The threads that answer calls.
final class ReceiverThreads: Sendable {
  /// More than one, since handing a descriptor over waits for the process that gets it.
  static let count = max(2, min(4, onlineProcessors()))

  /// Those that have not ended.
  private let threads = Mutex(Set<pid_t>())

  func start(_ count: Int, world: World, listener: Int32) {
    // Ends a wait for the next call; nothing is to happen otherwise.
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(SIGUSR1, &action, nil)
    for _ in 0..<count {
      startThread {
        let thread = gettid()
        self.threads.withLock { _ = $0.insert(thread) }
        Receiver(world: world, listener: listener).serve()
        self.threads.withLock { _ = $0.remove(thread) }
      }
    }
  }

  /// Returns when none of them does anything any more. The world is ending, so each looks up when it
  /// is interrupted; a signal that comes just before its wait is lost, hence the repetition.
  func stop() {
    while true {
      let left = threads.withLock { $0 }
      if left.isEmpty { return }
      for thread in left { tgkill(getpid(), thread, SIGUSR1) }
      usleep(200)
    }
  }
}
