// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The folder `packaging/bundle` makes: the program beside the libraries and certificates it needs.
enum ProgramFolder {
  /// Where the certificates lie in it.
  static let certificates = "ssl/certs"

  /// Nil for a program that lives with the machine's own libraries and certificates.
  static func current() -> PathBytes? {
    guard let program = try? linkTarget(of: "/proc/self/exe") else { return nil }
    return exists(program.parent.appending(certificates)) ? program.parent : nil
  }
}
