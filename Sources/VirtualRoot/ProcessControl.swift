// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

/// prctl(2), as far as it tells or changes who a process is.
extension TrappedCall {
  /// By its first argument; the kernel itself carries out what is not listed.
  static let processControl = TrappedCall(
    SYS_prctl,
    .byArgument(
      0, options.map { (UInt32($0), .notify) } + refusedOptions, otherwise: .allow)
  ) { (receiver, call) throws(Errno) in
    try receiver.change(call) { (own) throws(Errno) in .value(try own.control(call)) }
  }

  private static let options = [
    PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_GET_SECUREBITS,
    PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_NO_NEW_PRIVS,
    PR_SET_NO_NEW_PRIVS,
  ]

  /// PR_SCHED_CORE reaches other processes, and PR_SET_MM wants CAP_SYS_RESOURCE.
  private static let refusedOptions: [(value: UInt32, rule: CallRule)] = [
    (62, .fail(EINVAL)), (UInt32(PR_SET_MM), .fail(EPERM)),
  ]
}

extension Credentials {
  fileprivate mutating func control(_ call: Call) throws(Errno) -> Int64 {
    switch call.i0 {
    case PR_GET_KEEPCAPS: return isSecure(SecureBits.keepCapabilities) ? 1 : 0
    case PR_SET_KEEPCAPS: try keepCapabilities(call.a1)
    case PR_CAPBSET_READ: return try isBounded(call.a1) ? 1 : 0
    case PR_CAPBSET_DROP: try dropFromBounding(call.a1)
    case PR_GET_SECUREBITS: return Int64(secureBits)
    case PR_SET_SECUREBITS: try setSecureBits(call.a1)
    case PR_CAP_AMBIENT:
      guard call.a3 | call.a4 == 0 else { throw .invalidArgument }
      return try controlAmbient(call.a1, call.a2) ? 1 : 0
    case PR_GET_DUMPABLE: return isDumpable ? 1 : 0
    case PR_SET_DUMPABLE:
      guard call.a1 <= 1 else { throw .invalidArgument }
      isDumpable = call.a1 == 1
    case PR_GET_NO_NEW_PRIVS:
      guard call.a1 | call.a2 | call.a3 | call.a4 == 0 else { throw .invalidArgument }
      return hasNoNewPrivileges ? 1 : 0
    case PR_SET_NO_NEW_PRIVS:
      guard call.a1 == 1, call.a2 | call.a3 | call.a4 == 0 else { throw .invalidArgument }
      hasNoNewPrivileges = true
    default: throw .invalidArgument
    }
    return 0
  }
}
