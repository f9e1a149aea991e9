// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// The working copy that the tests belong to.
package enum Checkout {
  package static let folder = PathBytes(#filePath).parent.parent.parent.description

  /// The program under test.
  package static let program =
    getenv("CAISSON").map { String(cString: $0) } ?? folder + "/.build/debug/caisson"

  package static func isOnPath(_ name: String) -> Bool {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
  }
}

/// What keeps a test from being carried out.
package struct Failure: Error, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}
