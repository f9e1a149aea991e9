// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import Testing

@testable import VirtualRoot

/// Credentials are the kernel's for each thread, so a thread of the test can go through the same
/// changes for real.
@Suite("Virtual credentials and real ones", .enabled(if: getuid() == 0, "needs root"))
struct CredentialsOfTheKernelTests {
  @Test("are the same after the same calls", arguments: 1...40 as ClosedRange<UInt64>)
  func sameChanges(seed: UInt64) throws {
    let difference = onThread {
      var random = Random(state: seed)
      var own = Credentials(uid: 0, gid: 0, groups: [])
      guard RealCredentials.limitToDefaults() else { return "cannot become as a container" }
      for step in 0..<120 {
        let change = Change.random(&random)
        let expected = change.apply(to: &own)
        let result = change.apply()
        if result != expected { return "\(step) \(change): \(result), not \(expected)" }
        if let difference = RealCredentials.difference(to: own) {
          return "\(step) \(change): \(difference)"
        }
      }
      return nil
    }
    #expect(difference == nil)
  }

  private func onThread(_ body: @escaping @Sendable () -> String?) -> String? {
    final class Box {
      let body: () -> String?
      var result: String? = "the thread did not start"
      init(_ body: @escaping () -> String?) { self.body = body }
    }
    let box = Box(body)
    var thread = pthread_t()
    let argument = Unmanaged.passUnretained(box).toOpaque()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let box = Unmanaged<Box>.fromOpaque(argument).takeUnretainedValue()
        box.result = box.body()
        return nil
      }, argument)
    if status == 0 { pthread_join(thread, nil) }
    return box.result
  }
}

/// Those of the calling thread.
private enum RealCredentials {
  static func limitToDefaults() -> Bool {
    for capability in 0...UInt64(Credentials.lastCapability)
    where Credentials.defaultCapabilities & 1 << capability == 0 {
      guard Change.control(PR_CAPBSET_DROP, capability, 0).apply() == 0 else { return false }
    }
    let all = Credentials.defaultCapabilities
    return Change.setGroups([]).apply() == 0
      && Change.setCapabilities(effective: all, permitted: all, inheritable: 0).apply() == 0
  }

  /// The lines of the kernel's status that are not the virtual ones.
  static func difference(to own: Credentials) -> String? {
    guard let real = try? contents(of: "/proc/thread-self/status") else { return "no status" }
    let virtual = ProcessText.status(
      real, of: .init(credentials: own, umask: 0, isTraced: true))
    let pairs = zip(lines(real), lines(virtual))
    return pairs.first { $0 != $1 }.map { "\($0), not \($1)" }
      ?? (Change.control(PR_GET_SECUREBITS, 0, 0).apply() == Int(own.secureBits)
        ? nil : "secure bits")
  }

  private static func lines(_ text: [UInt8]) -> [Substring] {
    String(decoding: text, as: UTF8.self).split(separator: "\n").filter {
      $0.hasPrefix("Uid") || $0.hasPrefix("Gid") || $0.hasPrefix("Groups") || $0.hasPrefix("Cap")
    }
  }
}

/// One call, which can be made in earnest or on virtual credentials.
private enum Change {
  case ids(Int32, [UInt32])
  case setGroups([UInt32])
  case setCapabilities(effective: UInt64, permitted: UInt64, inheritable: UInt64)
  case control(Int32, UInt64, UInt64)

  static func random(_ random: inout Random) -> Change {
    let ids: [UInt32] = [0, 0, 1000, 1001, .max]
    func id() -> UInt32 { ids[Int(random.next(5))] }
    let set = Credentials.defaultCapabilities & (random.next() | random.next())
    switch random.next(16) {
    case 0: return .ids(SYS_setuid, [id()])
    case 1: return .ids(SYS_setgid, [id()])
    case 2, 3: return .ids(SYS_setreuid, [id(), id()])
    case 4: return .ids(SYS_setregid, [id(), id()])
    // With an effective ID: without, kernels disagree about the file system's (Linux 6.3).
    case 5, 6: return .ids(SYS_setresuid, [id(), ids[Int(random.next(4))], id()])
    case 7: return .ids(SYS_setresgid, [id(), ids[Int(random.next(4))], id()])
    case 8: return .ids(SYS_setfsuid, [id()])
    case 9: return .ids(SYS_setfsgid, [id()])
    case 10: return .setGroups((0..<random.next(4)).map { _ in id() })
    case 11:
      return .setCapabilities(
        effective: set & random.next(), permitted: set, inheritable: set & random.next())
    case 12: return .control(PR_CAP_AMBIENT, random.next(6), random.next(10))
    case 13: return .control(PR_SET_KEEPCAPS, random.next(3), 0)
    case 14: return .control(PR_CAPBSET_DROP, random.next(4) * 20, 0)
    default:
      let bits: [UInt64] = [0, 4, 1, 0x40, 0x80, 0x1000, 0x10]
      return .control(PR_SET_SECUREBITS, bits[Int(random.next(7))], 0)
    }
  }

  /// - Returns: The value, or minus the error.
  func apply(to own: inout Credentials) -> Int {
    let before = own
    do throws(Errno) {
      return try change(&own)
    } catch {
      own = before
      return -Int(error.code)
    }
  }

  private func change(_ own: inout Credentials) throws(Errno) -> Int {
    switch self {
    case .ids(SYS_setuid, let ids): try own.setUserID(ids[0])
    case .ids(SYS_setgid, let ids): try own.setGroupID(ids[0])
    case .ids(SYS_setreuid, let ids): try own.setUserIDs(real: ids[0], effective: ids[1])
    case .ids(SYS_setregid, let ids): try own.setGroupIDs(real: ids[0], effective: ids[1])
    case .ids(SYS_setresuid, let ids):
      try own.setUserIDs(real: ids[0], effective: ids[1], saved: ids[2])
    case .ids(SYS_setresgid, let ids):
      try own.setGroupIDs(real: ids[0], effective: ids[1], saved: ids[2])
    case .ids(SYS_setfsuid, let ids): return Int(own.setFileSystemUserID(ids[0]))
    case .ids(_, let ids): return Int(own.setFileSystemGroupID(ids[0]))
    case .setGroups(let groups): try own.setGroups(groups)
    case .setCapabilities(let effective, let permitted, let inheritable):
      try own.setCapabilities(
        effective: effective, permitted: permitted, inheritable: inheritable)
    case .control(PR_CAP_AMBIENT, let operation, let capability):
      return try own.controlAmbient(operation, capability) ? 1 : 0
    case .control(PR_SET_KEEPCAPS, let value, _): try own.keepCapabilities(value)
    case .control(PR_CAPBSET_DROP, let capability, _): try own.dropFromBounding(capability)
    case .control(_, let bits, _): try own.setSecureBits(bits)
    }
    return 0
  }

  func apply() -> Int {
    switch self {
    case .ids(let number, let ids):
      let values = ids.map { Int($0) } + [0, 0]
      return caisson_thread_call(Int(number), values[0], values[1], values[2], 0, 0)
    case .setGroups(let groups):
      return groups.withUnsafeBufferPointer {
        caisson_thread_call(
          Int(SYS_setgroups), $0.count, Int(bitPattern: $0.baseAddress), 0, 0, 0)
      }
    case .setCapabilities(let effective, let permitted, let inheritable):
      let header: [UInt32] = [0x2008_0522, 0]
      let sets = [effective, permitted, inheritable]
      let words =
        sets.map { UInt32(truncatingIfNeeded: $0) } + sets.map { UInt32($0 >> 32) }
      return header.withUnsafeBufferPointer { header in
        words.withUnsafeBufferPointer {
          caisson_thread_call(
            Int(SYS_capset), Int(bitPattern: header.baseAddress), Int(bitPattern: $0.baseAddress),
            0, 0, 0)
        }
      }
    case .control(let option, let one, let two):
      return caisson_thread_call(Int(SYS_prctl), Int(option), Int(one), Int(two), 0, 0)
    }
  }
}

/// Numbers that are the same each time.
private struct Random {
  var state: UInt64

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func next(_ limit: UInt64) -> UInt64 { next() % limit }
}
