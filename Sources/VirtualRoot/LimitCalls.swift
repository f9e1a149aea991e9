// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// setrlimit(2). The limit RLIMIT_LOCKS, which no kernel heeds, marks the state of a process
/// (``ProcessStates``) and therefore seems to be without limit, whatever a process sets.
extension TrappedCall {
  static let limits: [TrappedCall] = [
    TrappedCall(SYS_setrlimit, ifMark(0)) { (receiver, call) throws(Errno) in
      try receiver.checkLimit(at: call.a1, of: call)
      return .done
    },
    TrappedCall(SYS_getrlimit, ifMark(0)) { (receiver, call) throws(Errno) in
      try receiver.store(rlimit.unlimited, at: call.a1, of: call)
      return .done
    },
    TrappedCall(SYS_prlimit64, ifOtherOrMark) { (receiver, call) throws(Errno) in
      try receiver.limit(call)
    },
  ]

  private static let ifOtherOrMark = CallRule.byArgument(
    0, [(value: 0, rule: ifMark(1))], otherwise: .notify)

  private static func ifMark(_ argument: Int) -> CallRule {
    .byArgument(argument, [(markedLimit, .notify)], otherwise: .allow)
  }

  /// RLIMIT_LOCKS
  fileprivate static let markedLimit: UInt32 = 10
}

extension Receiver {
  fileprivate func limit(_ call: Call) throws(Errno) -> Answer {
    let isOwn = call.i0 == 0 || call.i0 == call.thread
    if !isOwn {
      let other = try member(call.i0)
      guard try credentials(of: call).mayLimit(other) else { throw .notPermitted }
    }
    guard UInt32(truncatingIfNeeded: call.a1) == TrappedCall.markedLimit else { return .proceed }
    if call.a2 != 0 { try checkLimit(at: call.a2, of: call) }
    if call.a3 != 0 { try store(rlimit.unlimited, at: call.a3, of: call) }
    return .done
  }

  fileprivate func checkLimit(at address: UInt64, of call: Call) throws(Errno) {
    let new = try load(rlimit.self, at: address, of: call)
    guard new.rlim_cur <= new.rlim_max else { throw .invalidArgument }
  }
}

extension rlimit {
  fileprivate static var unlimited: rlimit { rlimit(rlim_cur: .max, rlim_max: .max) }
}
