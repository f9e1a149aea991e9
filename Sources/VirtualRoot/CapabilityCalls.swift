// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// capget(2), capset(2)
extension Receiver {
  private struct Sets {
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    var inheritable: UInt64 = 0
  }

  func getCapabilities(_ call: Call) throws(Errno) -> Answer {
    do throws(Errno) {
      let words = try capabilityWords(call)
      guard call.a1 != 0 else { return .done }
      let process = try load(Int32.self, at: call.a0 &+ 4, of: call)
      guard process >= 0 else { throw .invalidArgument }
      guard let own = world.states.state(of: process == 0 ? call.thread : process)?.credentials
      else { throw Errno(ESRCH) }
      let sets = [own.effective, own.permitted, own.inheritable]
      for word in 0..<words {
        for (index, set) in sets.enumerated() {
          let address = call.a1 &+ UInt64((word * 3 + index) * 4)
          try store(UInt32(truncatingIfNeeded: set >> UInt64(32 * word)), at: address, of: call)
        }
      }
      return .done
    } catch {
      // A program asks for the version so.
      if error == .invalidArgument, call.a1 == 0 { return .done }
      throw error
    }
  }

  func setCapabilities(_ call: Call) throws(Errno) -> Answer {
    let words = try capabilityWords(call)
    let process = try load(Int32.self, at: call.a0 &+ 4, of: call)
    guard process == 0 || process == call.thread else { throw .notPermitted }
    var sets = Sets()
    for word in 0..<words {
      let address = call.a1 &+ UInt64(word * 12)
      let values = try load((UInt32, UInt32, UInt32).self, at: address, of: call)
      let shift = UInt64(32 * word)
      sets.effective |= UInt64(values.0) << shift
      sets.permitted |= UInt64(values.1) << shift
      sets.inheritable |= UInt64(values.2) << shift
    }
    return try change(call) { (own) throws(Errno) in
      try own.setCapabilities(
        effective: sets.effective, permitted: sets.permitted, inheritable: sets.inheritable)
      return .done
    }
  }

  /// How many words each set has in the version that the header asks for; for another version the
  /// header gets the one we like best.
  private func capabilityWords(_ call: Call) throws(Errno) -> Int {
    switch try load(UInt32.self, at: call.a0, of: call) {
    case 0x1998_0330: return 1
    case 0x2007_1026, Self.newestVersion: return 2
    default:
      try store(Self.newestVersion, at: call.a0, of: call)
      throw .invalidArgument
    }
  }

  private static let newestVersion: UInt32 = 0x2008_0522
}
