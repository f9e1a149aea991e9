// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

extension Receiver {
  func openInCaller(
    _ call: Call, _ directory: Int32, _ name: UnsafePointer<CChar>, flags: Int32
  ) throws(Errno) -> Answer { throw Errno(38) }
}
