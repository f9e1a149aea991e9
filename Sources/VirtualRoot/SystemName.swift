// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let nameOfSystem = TrappedCall(SYS_uname) { (receiver, call) throws(Errno) in
    try receiver.nameSystem(call)
  }
}

extension Receiver {
  /// uname(2), with the host name of the command.
  fileprivate func nameSystem(_ call: Call) throws(Errno) -> Answer {
    var name = utsname()
    guard uname(&name) == 0 else { throw Errno.current }
    let hostname = Array(world.hostname.utf8)
    withUnsafeMutableBytes(of: &name.nodename) { field in
      field.initializeMemory(as: UInt8.self, repeating: 0)
      field.copyBytes(from: hostname.prefix(field.count - 1))
    }
    try store(name, at: call.a0, of: call)
    return .done
  }
}
