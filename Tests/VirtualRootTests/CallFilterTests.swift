// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import Testing

@testable import VirtualRoot

@Suite("The seccomp filter") struct CallFilterTests {
  private static let cookie: UInt64 = 0x1234_5678_9ABC_DEF0
  private static let notify: UInt32 = 0x7FC0_0000
  private static let allow: UInt32 = 0x7FFF_0000
  private static func errno(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) }

  private let program = CallFilter.program(
    [
      2: .notify, 5: .fail(EPERM), 9: .notifyUnlessCookie,
      10: .byArgument(1, [(3, .fail(ENOSYS)), (7, .notify)], otherwise: .allow),
      11: .ifNonZero(0, mask: 1 << 40 | 4, .fail(EINVAL), otherwise: .notify),
      12: .ifNonZero(4, mask: .max, .notify, otherwise: .allow),
      300: .fail(0),
    ], cookie: cookie)

  @Test(
    "answers each call by its rule",
    arguments: [
      (0, [], allow), (2, [], notify), (5, [], errno(EPERM)), (300, [], errno(0)), (301, [], allow),
      (9, [], notify), (9, [0, 0, 0, 0, 0, cookie], allow),
      (9, [0, 0, 0, 0, 0, cookie & 0xFFFF_FFFF], notify),
      (10, [0, 3], errno(ENOSYS)), (10, [0, 7], notify), (10, [0, 8], allow),
      (11, [4], errno(EINVAL)), (11, [1 << 40], errno(EINVAL)), (11, [3], notify),
      (12, [0, 0, 0, 0, 0], allow), (12, [0, 0, 0, 0, 1 << 33], notify),
      (12, [0, 0, 0, 0, 1], notify),
    ] as [(Int32, [UInt64], UInt32)])
  func answers(number: Int32, arguments: [UInt64], expected: UInt32) throws {
    #expect(try run(number, arguments) == expected)
  }

  @Test("lets no call of another architecture through")
  func architectures() throws {
    #expect(try run(2, architecture: 0x4000_0003) == Self.errno(ENOSYS))
    #expect(try run(0x4000_0002) == Self.errno(ENOSYS))
  }

  @Test("has one rule for each call of the sandbox")
  func everyCall() throws {
    #expect(Set(TrappedCall.all.map(\.number)).count == TrappedCall.all.count)
    let program = CallFilter.program(TrappedCall.rules, cookie: Self.cookie)
    #expect(program.count < 4096)
    for call in TrappedCall.all {
      let answer = try Self.run(program, call.number, [UInt64](repeating: 0, count: 6), 0xC000_003E)
      if case .notify = call.rule { #expect(answer == Self.notify, "call \(call.number)") }
      if case .fail(let code) = call.rule {
        #expect(answer == Self.errno(code), "call \(call.number)")
      }
    }
  }

  private func run(_ number: Int32, _ arguments: [UInt64] = [], architecture: UInt32 = 0xC000_003E)
    throws -> UInt32
  {
    let rest = [UInt64](repeating: 0, count: 6 - arguments.count)
    return try Self.run(program, Int(number), arguments + rest, architecture)
  }

  /// What the kernel does with classic BPF. bpf(4).
  private static func run(
    _ program: [sock_filter], _ number: Int, _ arguments: [UInt64], _ architecture: UInt32
  ) throws -> UInt32 {
    var data = [UInt32(number), architecture, 0, 0]
    for argument in arguments {
      data += [UInt32(truncatingIfNeeded: argument), UInt32(argument >> 32)]
    }
    var (position, value): (Int, UInt32) = (0, 0)
    while true {
      let step = try #require(program.indices.contains(position) ? program[position] : nil)
      position += 1
      switch Int32(step.code) {
      case BPF_LD | BPF_W | BPF_ABS: value = data[Int(step.k) / 4]
      case BPF_RET | BPF_K: return step.k
      case BPF_JMP | BPF_JA: position += Int(step.k)
      case BPF_JMP | BPF_JEQ | BPF_K: position += Int(value == step.k ? step.jt : step.jf)
      case BPF_JMP | BPF_JGE | BPF_K: position += Int(value >= step.k ? step.jt : step.jf)
      case BPF_JMP | BPF_JSET | BPF_K: position += Int(value & step.k != 0 ? step.jt : step.jf)
      default: throw Unknown(code: step.code)
      }
    }
  }

  private struct Unknown: Error { var code: UInt16 }
}
