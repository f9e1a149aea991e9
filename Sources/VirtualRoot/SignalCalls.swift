// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// kill(2) and the like.
extension Receiver {
  struct Member {
    var process: pid_t
    var credentials: Credentials
  }

  /// Every process of the sandbox, whatever its state.
  func members() -> [Member] {
    processIDs().compactMap { process in
      guard process != world.own else { return nil }
      return world.states.state(of: process).map {
        Member(process: process, credentials: $0.credentials)
      }
    }
  }

  func members(ofGroup group: pid_t) -> [Member] {
    members().filter { getpgid($0.process) == group }
  }

  func signal(_ call: Call, _ process: pid_t, _ signal: Int32) throws(Errno) -> Answer {
    guard process > 0, 0...64 ~= signal else { throw .invalidArgument }
    if process == call.thread { return .proceed }
    let other = try member(process)
    guard try maySignal(call, credentials(of: call), process, other, signal) else {
      throw .notPermitted
    }
    return .proceed
  }

  func kill(_ call: Call) throws(Errno) -> Answer {
    let signal = call.i1
    guard 0...64 ~= signal else { throw .invalidArgument }
    switch call.i0 {
    case 1...: return try self.signal(call, call.i0, signal)
    case -1:
      let own = processGroup(of: call.thread)
      let others = members().filter { $0.process != own }
      if others.isEmpty { throw Errno(ESRCH) }
      _ = try send(signal, to: others, call)
      return .done
    case Int32.min: throw Errno(ESRCH)
    default:
      let group = call.i0 == 0 ? getpgid(call.thread) : -call.i0
      return try self.signal(call, group: group, signal)
    }
  }

  /// The kernel does it where the caller may signal every process of the group.
  private func signal(_ call: Call, group: pid_t, _ signal: Int32) throws(Errno) -> Answer {
    let members = members(ofGroup: group)
    if members.isEmpty { throw Errno(ESRCH) }
    let own = try credentials(of: call)
    let isFree = members.allSatisfy {
      maySignal(call, own, $0.process, $0.credentials, signal)
    }
    if isFree { return .proceed }
    guard try send(signal, to: members, call) else { throw .notPermitted }
    return .done
  }

  /// - Returns: Whether the caller may signal at least one of them.
  private func send(_ signal: Int32, to members: [Member], _ call: Call) throws(Errno) -> Bool {
    let own = try credentials(of: call)
    var isAnyPermitted = false
    for member in members
    where maySignal(call, own, member.process, member.credentials, signal) {
      isAnyPermitted = true
      _ = Glibc.kill(member.process, signal)
    }
    return isAnyPermitted
  }

  private func maySignal(
    _ call: Call, _ own: Credentials, _ process: pid_t, _ other: Credentials, _ signal: Int32
  ) -> Bool {
    own.maySignal(other) || (signal == SIGCONT && getsid(process) == getsid(call.thread))
  }
}
