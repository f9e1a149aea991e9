// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// A system call that a process in the sandbox waits to have answered.
struct Call {
  /// The kernel's number of the notification; valid until it is answered or the process is killed.
  let id: UInt64
  /// The calling thread, as this process sees it.
  let thread: pid_t
  let number: Int
  private let arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  init(_ notification: seccomp_notif) {
    id = notification.id
    thread = pid_t(notification.pid)
    number = Int(notification.data.nr)
    arguments = notification.data.args
  }

  var a0: UInt64 { arguments.0 }
  var a1: UInt64 { arguments.1 }
  var a2: UInt64 { arguments.2 }
  var a3: UInt64 { arguments.3 }
  var a4: UInt64 { arguments.4 }
  var a5: UInt64 { arguments.5 }

  /// The arguments as the kernel takes an `int`.
  var i0: Int32 { Int32(truncatingIfNeeded: arguments.0) }
  var i1: Int32 { Int32(truncatingIfNeeded: arguments.1) }
  var i2: Int32 { Int32(truncatingIfNeeded: arguments.2) }
  var i3: Int32 { Int32(truncatingIfNeeded: arguments.3) }
  var i4: Int32 { Int32(truncatingIfNeeded: arguments.4) }
}

/// What a call comes to. Failures are thrown as `Errno`.
enum Answer {
  case value(Int64)
  /// The caller gets a copy; the number is closed here.
  case descriptor(Int32, closeOnExec: Bool)
  /// The kernel carries it out as it stands. What it reads from memory may differ from what was
  /// read here, so only for calls that do no harm then.
  case proceed
  /// Somebody else answers, or has answered.
  case elsewhere

  static let done = Answer.value(0)
}

/// A call, which rule the kernel has for it, and who carries it out.
struct TrappedCall: Sendable {
  typealias Handler = @Sendable (Receiver, Call) throws(Errno) -> Answer

  let number: Int
  let rule: CallRule
  let handler: Handler?

  init(_ number: Int32, _ rule: CallRule = .notify, _ handler: Handler? = nil) {
    self.number = Int(number)
    self.rule = rule
    self.handler = handler
  }
}
