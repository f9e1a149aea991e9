// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

extension Receiver {
  func openInCaller(
    _ call: Call, _ directory: Int32, _ name: UnsafePointer<CChar>, flags: Int32
  ) throws(Errno) -> Answer { throw Errno(38) }

  func openProcessFile(
    _ call: Call, _ node: borrowing Node, path: PathBuffer, flags: Int32, _ state: ProcessState
  ) throws(Errno) -> Int32? { nil }

  func processLinkText(_ call: Call, path: PathBuffer, into: PathBuffer) throws(Errno) -> Bool {
    false
  }
}
