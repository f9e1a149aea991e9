// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// What a signal makes the program do.
enum SignalDecision: Hashable, Sendable {
  case cancel, exitNow, ignore
}

/// - Parameter sinceFirst: Time since the first signal, if there was one before.
func decision(sinceFirst: Duration?) -> SignalDecision {
  guard let sinceFirst else { return .cancel }
  // A keyboard interrupt can arrive twice, from the terminal and from a parent that hands it on.
  return sinceFirst < .milliseconds(500) ? .ignore : .exitNow
}

/// Runs `body` in a task and waits for it on this thread.
///
/// SIGINT, SIGTERM and SIGHUP cancel the task, which then cleans up; a later one ends the program at once.
///
/// - Parameter abandon: Called before the program ends at once: gives the terminal back.
/// - Returns: What `body` returned; 128 and the signal's number when one came and `body` failed.
func runInterruptibly(
  abandon: () -> Void = {}, _ body: @escaping @Sendable () async -> Int32
) throws(SystemError) -> Int32 {
  let wake = try openWakePipe()
  let outcome = Outcome()
  let task = Task.detached {
    outcome.set(await body())
    wakeMainThread(endOfTask)
  }
  var first: (signal: UInt8, at: ContinuousClock.Instant)?
  while case let signal = try nextByte(of: wake), signal != endOfTask {
    let now = ContinuousClock.now
    switch decision(sinceFirst: first.map { now - $0.at }) {
    case .cancel: task.cancel()
    case .ignore: break
    case .exitNow:
      abandon()
      _exit(128 + Int32(signal))
    }
    first = first ?? (signal, now)
  }
  guard let first, outcome.code != 0 else { return outcome.code }
  return 128 + Int32(first.signal)
}

private final class Outcome: Sendable {
  private let value = Mutex<Int32>(1)

  var code: Int32 { value.withLock { $0 } }

  func set(_ code: Int32) { value.withLock { $0 = code } }
}

/// The write end of the pipe that wakes the main thread. A signal handler can be handed nothing,
/// so this one value is global; it is set before the handlers are.
private let wakeEnd = Atomic<Int32>(-1)

/// What a finished task writes; a signal writes its number.
private let endOfTask: UInt8 = 0

private func openWakePipe() throws(SystemError) -> FileDescriptor {
  var ends: [Int32] = [-1, -1]
  try retrying("pipe") { pipe2(&ends, O_CLOEXEC) }
  wakeEnd.store(ends[1], ordering: .sequentiallyConsistent)
  for signal in [SIGINT, SIGTERM] + (ignores(SIGHUP) ? [] : [SIGHUP]) {
    handle(signal) { wakeMainThread(UInt8($0)) }
  }
  // A handler and not SIG_IGN, which a RUN would inherit: a broken pipe is then a failed write.
  handle(SIGPIPE) { _ in }
  return FileDescriptor(owning: ends[0])
}

/// Whether somebody (`nohup`) wants the signal to have no effect.
private func ignores(_ signal: Int32) -> Bool {
  var action = sigaction()
  sigaction(signal, nil, &action)
  return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    == unsafeBitCast(SIG_IGN, to: Int.self)
}

private func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
  var action = sigaction()
  action.__sigaction_handler.sa_handler = handler
  action.sa_flags = SA_RESTART
  sigaction(signal, &action, nil)
}

/// Only calls what a signal handler may call.
private func wakeMainThread(_ byte: UInt8) {
  var byte = byte
  let saved = errno
  write(wakeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
  errno = saved
}

private func nextByte(of pipe: borrowing FileDescriptor) throws(SystemError) -> UInt8 {
  var byte: UInt8 = 0
  let count = try withUnsafeMutableBytes(of: &byte) { (buffer) throws(SystemError) in
    try pipe.read(into: buffer)
  }
  return count == 1 ? byte : endOfTask
}
