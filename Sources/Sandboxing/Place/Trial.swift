// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// How it went when something was tried.
package enum Trial: Hashable, Sendable {
  case works
  case refused(Errno)
  /// Something it stands on was refused before.
  case notTried

  /// - Parameter answer: 0, an errno value, or -1.
  init(_ answer: Int32) {
    self =
      switch answer {
      case 0: .works
      case -1: .notTried
      default: .refused(Errno(answer))
      }
  }

  /// What the system said to `body`.
  init(_ body: () throws(SystemError) -> Void) {
    do {
      try body()
      self = .works
    } catch {
      self = .refused(error.errno)
    }
  }

  package var isGood: Bool { self == .works }

  package var errno: Errno? { if case .refused(let errno) = self { errno } else { nil } }
}
