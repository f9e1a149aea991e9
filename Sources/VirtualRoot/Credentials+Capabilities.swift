// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

/// The bits of PR_SET_SECUREBITS; the one above each locks it. capabilities(7), "The securebits flags".
enum SecureBits {
  static let noRoot: UInt32 = 1 << 0
  static let noSetUserIDFixup: UInt32 = 1 << 2
  static let keepCapabilities: UInt32 = 1 << 4
  static let noAmbientRaise: UInt32 = 1 << 6
  static let all: UInt32 = 0x55
  static let allLocks: UInt32 = 0xAA
}

/// What capset(2) and prctl(2) do, as in the kernel's `security/commoncap.c`.
extension Credentials {
  static let lastCapability = CAP_LAST_CAP
  static let allCapabilities: UInt64 = (1 << UInt64(lastCapability + 1)) - 1

  static func bit(_ capability: Int32) -> UInt64 { 1 << UInt64(capability) }

  func isSecure(_ bits: UInt32) -> Bool { secureBits & bits != 0 }

  /// capset(2)
  mutating func setCapabilities(effective: UInt64, permitted: UInt64, inheritable: UInt64)
    throws(Errno)
  {
    let (effective, permitted, inheritable) = (
      effective & Self.allCapabilities, permitted & Self.allCapabilities,
      inheritable & Self.allCapabilities
    )
    let isCapped = !has(CAP_SETPCAP)
    guard !isCapped || inheritable.isSubset(of: self.inheritable | self.permitted),
      inheritable.isSubset(of: self.inheritable | bounding),
      permitted.isSubset(of: self.permitted), effective.isSubset(of: permitted)
    else { throw .notPermitted }
    (self.effective, self.permitted, self.inheritable) = (effective, permitted, inheritable)
    ambient &= permitted & inheritable
  }

  /// PR_CAPBSET_READ
  func isBounded(_ capability: UInt64) throws(Errno) -> Bool {
    bounding & (try Self.bit(of: capability)) != 0
  }

  /// PR_CAPBSET_DROP
  mutating func dropFromBounding(_ capability: UInt64) throws(Errno) {
    guard has(CAP_SETPCAP) else { throw .notPermitted }
    bounding &= ~(try Self.bit(of: capability))
  }

  /// PR_SET_SECUREBITS
  mutating func setSecureBits(_ new: UInt64) throws(Errno) {
    let locks = secureBits & SecureBits.allLocks
    guard new <= UInt64(SecureBits.all | SecureBits.allLocks),
      (locks >> 1) & (secureBits ^ UInt32(new)) == 0, locks & ~UInt32(new) == 0,
      has(CAP_SETPCAP)
    else { throw .notPermitted }
    secureBits = UInt32(new)
  }

  /// PR_SET_KEEPCAPS
  mutating func keepCapabilities(_ value: UInt64) throws(Errno) {
    guard value <= 1 else { throw .invalidArgument }
    guard !isSecure(SecureBits.keepCapabilities << 1) else { throw .notPermitted }
    secureBits &= ~SecureBits.keepCapabilities
    if value == 1 { secureBits |= SecureBits.keepCapabilities }
  }

  /// PR_CAP_AMBIENT; what it returns.
  mutating func controlAmbient(_ operation: UInt64, _ capability: UInt64) throws(Errno) -> Bool {
    if operation == UInt64(PR_CAP_AMBIENT_CLEAR_ALL) {
      guard capability == 0 else { throw .invalidArgument }
      ambient = 0
      return false
    }
    let bit = try Self.bit(of: capability)
    switch operation {
    case UInt64(PR_CAP_AMBIENT_IS_SET): return ambient & bit != 0
    case UInt64(PR_CAP_AMBIENT_RAISE):
      guard permitted & inheritable & bit != 0, !isSecure(SecureBits.noAmbientRaise) else {
        throw .notPermitted
      }
      ambient |= bit
    case UInt64(PR_CAP_AMBIENT_LOWER): ambient &= ~bit
    default: throw .invalidArgument
    }
    return false
  }

  private static func bit(of capability: UInt64) throws(Errno) -> UInt64 {
    guard capability <= UInt64(lastCapability) else { throw .invalidArgument }
    return 1 << capability
  }
}

extension UInt64 {
  fileprivate func isSubset(of other: UInt64) -> Bool { self & ~other == 0 }
}
