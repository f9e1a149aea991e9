// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc

/// What the kernel does with one kind of system call of a process in the sandbox.
enum CallRule: Sendable {
  /// The supervisor is asked.
  case notify
  /// The supervisor is asked, unless the sixth argument is the cookie: then the supervisor itself
  /// made the process call.
  case notifyUnlessCookie
  case fail(Int32)
  /// The kernel carries it out: what every call gets that is not in the table.
  case allow
  /// By the lower half of an argument; `otherwise` for all values that are not listed.
  indirect case byArgument(Int, [(value: UInt32, rule: CallRule)], otherwise: CallRule)
  /// When a pointer or a mask is given.
  indirect case ifNonZero(Int, mask: UInt64, CallRule, otherwise: CallRule)
}

/// The seccomp program of the sandbox: a search tree over call numbers.
///
/// seccomp(2); Documentation/userspace-api/seccomp_filter.rst, "Userspace Notification".
struct CallFilter {
  private let cookie: UInt64

  /// - Parameters:
  ///   - cookie: Random; who knows it may make certain calls unseen.
  ///   - rules: By call number.
  static func program(_ rules: [Int: CallRule], cookie: UInt64) -> [sock_filter] {
    let filter = CallFilter(cookie: cookie)
    var code = [
      load(offset: 4),
      jump(BPF_JEQ, auditArchitecture, 1, 0),
      // 32-bit calls have other numbers; nothing of theirs may slip through.
      answer(SECCOMP_RET_ERRNO, ENOSYS),
      load(offset: 0),
      // Neither may calls that are not in the table, nor those of the x32 ABI.
      jump(BPF_JGE, TrappedCall.firstUnknownNumber, 0, 1),
      answer(SECCOMP_RET_ERRNO, ENOSYS),
    ]
    code += filter.tree(rules.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }[...])
    return code
  }

  private static var auditArchitecture: UInt32 {
    #if arch(x86_64)
      0xC000_003E
    #else
      0xC000_00B7
    #endif
  }

  private func tree(_ rules: ArraySlice<(Int, CallRule)>) -> [sock_filter] {
    if rules.count <= 4 {
      return rules.flatMap { number, rule in
        let body = code(rule)
        return [Self.jump(BPF_JEQ, UInt32(number), 0, UInt8(body.count))] + body
      } + [Self.answer(SECCOMP_RET_ALLOW)]
    }
    let middle = rules.startIndex + rules.count / 2
    let lower = tree(rules[..<middle])
    return [
      Self.jump(BPF_JGE, UInt32(rules[middle].0), 0, 1),
      sock_filter(code: UInt16(BPF_JMP | BPF_JA), jt: 0, jf: 0, k: UInt32(lower.count)),
    ] + lower + tree(rules[middle...])
  }

  /// Ends with an answer on every way.
  private func code(_ rule: CallRule) -> [sock_filter] {
    switch rule {
    case .notify: return [Self.answer(SECCOMP_RET_USER_NOTIF)]
    case .fail(let errno): return [Self.answer(SECCOMP_RET_ERRNO, errno)]
    case .allow: return [Self.answer(SECCOMP_RET_ALLOW)]
    case .notifyUnlessCookie:
      return [
        Self.load(offset: 16 + 5 * 8),
        Self.jump(BPF_JEQ, UInt32(truncatingIfNeeded: cookie), 0, 3),
        Self.load(offset: 16 + 5 * 8 + 4),
        Self.jump(BPF_JEQ, UInt32(cookie >> 32), 0, 1),
        Self.answer(SECCOMP_RET_ALLOW),
        Self.answer(SECCOMP_RET_USER_NOTIF),
      ]
    case .byArgument(let index, let cases, let otherwise):
      return [Self.load(offset: UInt32(16 + index * 8))]
        + cases.flatMap { value, rule in
          let body = code(rule)
          return [Self.jump(BPF_JEQ, value, 0, UInt8(body.count))] + body
        } + code(otherwise)
    case .ifNonZero(let index, let mask, let rule, let otherwise):
      let zero = code(otherwise)
      return [
        Self.load(offset: UInt32(16 + index * 8)),
        Self.jump(BPF_JSET, UInt32(truncatingIfNeeded: mask), UInt8(zero.count + 2), 0),
        Self.load(offset: UInt32(16 + index * 8 + 4)),
        Self.jump(BPF_JSET, UInt32(mask >> 32), UInt8(zero.count), 0),
      ] + zero + code(rule)
    }
  }

  private static func load(offset: UInt32) -> sock_filter {
    sock_filter(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: offset)
  }

  private static func jump(_ test: Int32, _ value: UInt32, _ hit: UInt8, _ miss: UInt8)
    -> sock_filter
  {
    sock_filter(code: UInt16(BPF_JMP | test | BPF_K), jt: hit, jf: miss, k: value)
  }

  private static func answer(_ action: some BinaryInteger, _ errno: Int32 = 0) -> sock_filter {
    sock_filter(
      code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0,
      k: UInt32(truncatingIfNeeded: action) | UInt32(errno))
  }
}
