// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// A thread of the sandbox that is held still in the middle of a call, to make other calls in its
/// name. ptrace(2).
///
/// All of it must happen in one thread of ours, which holds no other meanwhile. Whatever happens to
/// the thread, it is let go in the end; errors of the kind ESRCH mean that it is gone.
struct Injection: ~Copyable {
  private(set) var thread: pid_t
  private let call: Call
  private let original: caisson_registers
  /// A stop signal that came meanwhile; nothing else comes through.
  private var postponed: Int32 = 0
  private var signalMask: UInt64?

  /// What became of an `execve` by the thread.
  enum Execution {
    case executed
    /// The value of the call.
    case failed(Int64)
    /// A signal came first: the thread makes its call again when it has dealt with it.
    case interrupted
  }

  /// The kernel repeats a call that fails with it, should we fail to do otherwise.
  private static let restart: Int32 = 513

  /// Stops the thread that made `call`, and ends its waiting for an answer.
  ///
  /// - Throws: EPERM for a thread that somebody else traces already, whose call waits on.
  init(_ call: Call, listener: Int32) throws(Errno) {
    original = try Self.stop(call, listener)
    (self.call, thread) = (call, call.thread)
  }

  private static func stop(_ call: Call, _ listener: Int32) throws(Errno) -> caisson_registers {
    guard caisson_seize(call.thread) == 0 else { throw Errno.current }
    _ = caisson_interrupt(call.thread)
    _ = caisson_answer(listener, call.id, 0, -restart, 0)
    while true {
      guard let stop = wait() else { throw Errno(ESRCH) }
      // Before a signal is dealt with comes the stop that was asked for.
      if caisson_stop_event(stop.status) == Int32(caisson_event_stop) { break }
      _ = caisson_resume(call.thread, 0)
    }
    var registers = caisson_registers()
    guard caisson_get_registers(call.thread, &registers) == 0 else { throw gone(call.thread) }
    return registers
  }

  /// - Returns: Nil when no tracee is left.
  private static func wait() -> (thread: pid_t, status: Int32)? {
    var status: Int32 = 0
    let thread = caisson_wait_for_tracee(&status)
    return thread > 0 && caisson_is_stopped(status) != 0 ? (thread, status) : nil
  }

  /// Ends it for a thread that does not answer: it was killed, and its remains are taken away.
  private static func gone(_ thread: pid_t) -> Errno {
    var status: Int32 = 0
    while caisson_wait_for_tracee(&status) > 0 {
      if caisson_is_stopped(status) != 0 { _ = caisson_detach(thread, 0) }
    }
    return Errno(ESRCH)
  }

  private var returnAddress: UInt64 {
    var registers = original
    return caisson_return_address(&registers)
  }

  // MARK: - Executing

  /// Has the thread call `execveat`, with its own memory as it is.
  ///
  /// - Parameters:
  ///   - holdsSignals: Signals wait for the new program, as those do that come while the kernel is
  ///     executing it. Otherwise they come first.
  ///   - prepare: Called when the thread has become another program, before it runs.
  mutating func execute(
    _ arguments: (UInt64, UInt64, UInt64, UInt64, UInt64), cookie: UInt64, holdsSignals: Bool,
    _ prepare: (pid_t) -> Void
  ) throws(Errno) -> Execution {
    // The kernel itself sends SIGTRAP after the step, and means it.
    if holdsSignals { try holdSignals(but: SIGTRAP) }
    try set(
      SYS_execveat, arguments.0, arguments.1, arguments.2, arguments.3, arguments.4, cookie)
    guard caisson_resume(thread, 1) == 0, let stop = Self.wait() else { throw Self.gone(thread) }
    let event = caisson_stop_event(stop.status)
    if event == Int32(caisson_event_exec) {
      // Another thread than the first one has taken over the number of the process.
      thread = stop.thread
      if let signalMask { _ = caisson_set_signal_mask(thread, signalMask) }
      prepare(thread)
      return .executed
    }
    var registers = caisson_registers()
    guard caisson_get_registers(thread, &registers) == 0 else { throw Self.gone(thread) }
    let signal = caisson_stop_signal(stop.status)
    if event == 0, signal == SIGTRAP,
      caisson_return_address(&registers) == returnAddress
    {
      return .failed(caisson_result(&registers))
    }
    postponed = event == 0 ? signal : 0
    return .interrupted
  }

  /// Lets a thread go that has executed another program.
  consuming func leave() {
    if caisson_detach(thread, 0) != 0 { _ = Self.gone(thread) }
  }

  // MARK: - Other calls

  /// Has the thread make a call in place of its own.
  ///
  /// - Parameter mayWait: Signals interrupt it, as they would have interrupted the thread's call.
  /// - Returns: The value, or minus an error.
  mutating func make(
    _ number: Int32, _ a: UInt64 = 0, _ b: UInt64 = 0, _ c: UInt64 = 0, _ d: UInt64 = 0,
    _ e: UInt64 = 0, _ f: UInt64 = 0, mayWait: Bool = false
  ) throws(Errno) -> Int64 {
    if signalMask == nil { try holdSignals() }
    try set(number, a, b, c, d, e, f)
    // To the beginning of the call, and to its end. Signals are only let in between the two, so that
    // nothing but the call can be interrupted.
    try resumeToCall()
    if mayWait, let signalMask { _ = caisson_set_signal_mask(thread, signalMask) }
    try resumeToCall()
    if mayWait { _ = caisson_set_signal_mask(thread, .max) }
    var registers = caisson_registers()
    guard caisson_get_registers(thread, &registers) == 0 else { throw Self.gone(thread) }
    return caisson_result(&registers)
  }

  private mutating func holdSignals(but signal: Int32 = 0) throws(Errno) {
    var mask: UInt64 = 0
    let held = signal == 0 ? UInt64.max : ~(1 << UInt64(signal - 1))
    guard caisson_get_signal_mask(thread, &mask) == 0,
      caisson_set_signal_mask(thread, mask | held) == 0
    else { throw Self.gone(thread) }
    signalMask = mask
  }

  private mutating func resumeToCall() throws(Errno) {
    while true {
      guard caisson_resume(thread, 0) == 0, let stop = Self.wait() else {
        throw Self.gone(thread)
      }
      if caisson_stop_signal(stop.status) == SIGTRAP | 0x80 { return }
      // SIGSTOP cannot be blocked; it has to wait.
      if caisson_stop_event(stop.status) == 0 { postponed = caisson_stop_signal(stop.status) }
    }
  }

  private func set(
    _ number: Int32, _ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64, _ f: UInt64
  ) throws(Errno) {
    var registers = original
    withUnsafePointer(to: (a, b, c, d, e, f)) { pointer in
      pointer.withMemoryRebound(to: UInt64.self, capacity: 6) {
        caisson_prepare_call(&registers, Int(number), $0)
      }
    }
    guard caisson_set_registers(thread, &registers) == 0 else { throw Self.gone(thread) }
  }

  // MARK: - The end

  /// Lets the thread go on with `value` as what its call came to.
  consuming func finish(_ value: Int64) {
    // What the kernel says to have a call repeated.
    if (-516 ... -512).contains(value) { return repeatCall() }
    var registers = original
    caisson_prepare_result(&registers, value)
    letGo(registers)
  }

  /// Lets the thread make its call once more.
  consuming func repeatCall() {
    var registers = original
    caisson_prepare_repetition(&registers, call.a0)
    letGo(registers)
  }

  private func letGo(_ registers: caisson_registers) {
    var registers = registers
    if let signalMask { _ = caisson_set_signal_mask(thread, signalMask) }
    if caisson_set_registers(thread, &registers) != 0 || caisson_detach(thread, postponed) != 0 {
      _ = Self.gone(thread)
    }
  }
}
