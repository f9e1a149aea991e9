// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// SO_PEERCRED of unix(7): who is at the other end of a socket.
extension TrappedCall {
  static let peerCredentials = TrappedCall(SYS_getsockopt, ifPeerCredentials) {
    (receiver, call) throws(Errno) in
    try receiver.getPeerCredentials(call)
  }

  private static let ifPeerCredentials = CallRule.byArgument(
    1, [(value: UInt32(SOL_SOCKET), rule: ifOption)], otherwise: .allow)
  private static let ifOption = CallRule.byArgument(
    2, [(value: UInt32(SO_PEERCRED), rule: .notifyUnlessCookie)], otherwise: .allow)
}

extension Receiver {
  private struct Peer {
    var process: pid_t
    var uid: UInt32
    var gid: UInt32
  }

  /// The caller asks the kernel, and gets the virtual IDs of the process that the kernel names.
  fileprivate func getPeerCredentials(_ call: Call) throws(Errno) -> Answer {
    var injection = try Injection(call, listener: listener)
    var value = try injection.make(
      SYS_getsockopt, call.a0, call.a1, call.a2, call.a3, call.a4, world.cookie)
    if value == 0 {
      do throws(Errno) { try replacePeer(call) } catch { value = -Int64(error.code) }
    }
    injection.finish(value)
    return .elsewhere
  }

  private func replacePeer(_ call: Call) throws(Errno) {
    let count = try load(Int32.self, at: call.a4, of: call)
    guard count >= MemoryLayout<Peer>.size else { return }
    var peer = try load(Peer.self, at: call.a3, of: call)
    // Nobody is connected.
    guard peer.uid != .max else { return }
    let credentials = world.states.state(of: peer.process)?.credentials
    peer.uid = credentials?.effectiveUID ?? Self.nobody
    peer.gid = credentials?.effectiveGID ?? Self.nobody
    try store(peer, at: call.a3, of: call)
  }

  /// What the kernel shows for an ID that has no name here; a peer that has ended, too.
  private static let nobody: UInt32 = 65534
}
