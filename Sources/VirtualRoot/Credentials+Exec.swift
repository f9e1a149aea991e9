// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Credentials {
  /// What a process is after it has executed `file`.
  ///
  /// - Parameter fileCapabilities: The value of the file's `security.capability`, if it has one.
  /// - Returns: `isSecure` is what AT_SECURE says: the program has rights its caller had not.
  func afterExec(file: Inode, fileCapabilities: [UInt8]?) -> (
    credentials: Credentials, isSecure: Bool
  ) {
    (self, false)
  }
}
