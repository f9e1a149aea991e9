// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// Calls that act on other processes. All processes here have one user for the kernel, the builder's
/// own included, so it is checked that both ends are in the sandbox and may by their virtual IDs.
extension TrappedCall {
  static let processCalls: [TrappedCall] = signals + access + scheduling + limits + owners

  private static let signals: [TrappedCall] = [
    TrappedCall(SYS_kill) { (receiver, call) throws(Errno) in try receiver.kill(call) },
    TrappedCall(SYS_tkill) { (receiver, call) throws(Errno) in
      try receiver.signal(call, call.i0, call.i1)
    },
    TrappedCall(SYS_tgkill) { (receiver, call) throws(Errno) in
      try receiver.signal(call, call.i1, call.i2)
    },
    TrappedCall(SYS_rt_sigqueueinfo) { (receiver, call) throws(Errno) in
      try receiver.signal(call, call.i0, call.i1)
    },
    TrappedCall(SYS_rt_tgsigqueueinfo) { (receiver, call) throws(Errno) in
      try receiver.signal(call, call.i1, call.i2)
    },
    TrappedCall(SYS_pidfd_open) { (receiver, call) throws(Errno) in
      guard call.i0 > 0 else { throw .invalidArgument }
      _ = try receiver.member(call.i0)
      return .proceed
    },
  ]

  private static let access: [TrappedCall] = [
    onProcess(SYS_process_vm_readv, .notify) { $0.mayTrace($1) },
    onProcess(SYS_process_vm_writev, .notify) { $0.mayTrace($1) },
    onProcess(SYS_get_robust_list, unlessOwn) { $0.mayTrace($1) },
    TrappedCall(
      SYS_ptrace,
      .byArgument(
        0, [(UInt32(attach), .notify), (UInt32(seize), .notify)], otherwise: .allow)
    ) { (receiver, call) throws(Errno) in
      try receiver.check(call, call.i1) { $0.mayTrace($1) }
      waitUntilLetGo(call.i1)
      return .proceed
    },
  ]

  private static let scheduling: [TrappedCall] = [
    onProcess(SYS_sched_setaffinity, unlessOwn) { $0.maySchedule($1) },
    onProcess(SYS_sched_setscheduler, unlessOwn) { $0.maySchedule($1) },
    onProcess(SYS_sched_setparam, unlessOwn) { $0.maySchedule($1) },
    onProcess(SYS_sched_setattr, unlessOwn) { $0.maySchedule($1) },
    // PRIO_PROCESS and IOPRIO_WHO_PROCESS, then those for a group.
    TrappedCall(SYS_setpriority, unlessOwn(of: [0, 1])) { (receiver, call) throws(Errno) in
      try receiver.checkTargets(call, kinds: (0, 1, 2))
      return .proceed
    },
    TrappedCall(SYS_ioprio_set, unlessOwn(of: [1, 2])) { (receiver, call) throws(Errno) in
      try receiver.checkTargets(call, kinds: (1, 2, 3))
      return .proceed
    },
  ]

  /// Targets of signals that the kernel sends by itself when a file is ready. Where the target is in
  /// memory it could change after it was looked at.
  private static let owners: [TrappedCall] = [
    TrappedCall(
      SYS_fcntl,
      .byArgument(
        1, [(UInt32(F_SETOWN), .notify), (setOwnerInMemory, .fail(EINVAL))], otherwise: .allow)
    ) { (receiver, call) throws(Errno) in
      try receiver.checkOwner(call, call.i2)
      return .proceed
    },
    TrappedCall(
      SYS_ioctl,
      .byArgument(
        1, [(ownerOfFile, .fail(ENOTTY)), (groupOfSocket, .fail(ENOTTY))],
        otherwise: .allow)),
  ]

  /// F_SETOWN_EX, FIOSETOWN and SIOCSPGRP.
  private static let setOwnerInMemory: UInt32 = 15
  private static let ownerOfFile: UInt32 = 0x8901
  private static let groupOfSocket: UInt32 = 0x8902
  /// PTRACE_ATTACH, PTRACE_SEIZE
  private static let attach: Int32 = 16
  private static let seize: Int32 = 0x4206
  /// 0 as the first argument is the caller.
  private static let unlessOwn = CallRule.byArgument(0, [(0, .allow)], otherwise: .notify)

  private static func unlessOwn(of kinds: [UInt32]) -> CallRule {
    let rule = CallRule.byArgument(1, [(0, .allow)], otherwise: .notify)
    return .byArgument(0, kinds.map { ($0, rule) }, otherwise: .notify)
  }

  private static func onProcess(
    _ number: Int32, _ rule: CallRule,
    _ isPermitted: @escaping @Sendable (Credentials, Credentials) -> Bool
  ) -> TrappedCall {
    TrappedCall(number, rule) { (receiver, call) throws(Errno) in
      try receiver.check(call, call.i0, isPermitted)
      return .proceed
    }
  }
}

/// Returns when no thread of this process traces `process` any more, as it does for a moment when that
/// executes a program: it has one tracer at a time, and whoever attaches was there first for all it knows.
private func waitUntilLetGo(_ process: pid_t) {
  let patience = 1000
  for _ in 0..<patience {
    guard let text = try? contents(of: PathBytes("/proc/\(process)/status"), limit: 16 << 10),
      let line = text.split(separator: UInt8(ascii: "\n")).first(where: {
        $0.starts(with: "TracerPid:".utf8)
      }),
      let tracer = Int32(String(decoding: line.dropFirst(11), as: UTF8.self)), tracer != 0,
      access("/proc/self/task/\(tracer)", F_OK) == 0
    else { return }
    usleep(200)
  }
}

extension Receiver {
  /// - Throws: ESRCH for a process that is none of the sandbox.
  func member(_ process: pid_t) throws(Errno) -> Credentials {
    guard process > 0, let state = world.states.state(of: process) else { throw Errno(ESRCH) }
    return state.credentials
  }

  /// - Throws: ESRCH, or EPERM when `isPermitted` denies it. Threads of one process may do anything
  ///   to each other.
  fileprivate func check(
    _ call: Call, _ process: pid_t, _ isPermitted: (Credentials, Credentials) -> Bool
  ) throws(Errno) {
    let other = try member(process)
    guard
      try isPermitted(credentials(of: call), other) || process == call.thread
        || processGroup(of: process) == processGroup(of: call.thread)
    else { throw .notPermitted }
  }

  /// F_SETOWN: a process, a negative group, or nobody.
  fileprivate func checkOwner(_ call: Call, _ owner: Int32) throws(Errno) {
    if owner > 0 { _ = try member(owner) }
    if owner < 0, owner == Int32.min || members(ofGroup: -owner).isEmpty { throw Errno(ESRCH) }
  }

  /// setpriority and ioprio_set by process, group or user.
  fileprivate func checkTargets(_ call: Call, kinds: (process: Int32, group: Int32, user: Int32))
    throws(Errno)
  {
    switch call.i0 {
    case kinds.process: try check(call, call.i1) { $0.maySchedule($1) }
    case kinds.group:
      let own = try credentials(of: call)
      let members = members(ofGroup: call.i1)
      if members.isEmpty { throw Errno(ESRCH) }
      guard members.allSatisfy({ own.maySchedule($0.credentials) }) else { throw .notPermitted }
    // The kernel's user is not the one that is meant.
    case kinds.user: throw .notPermitted
    default: throw .invalidArgument
    }
  }
}
