// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A command that is a file of its own: it lies on the tmpfs of `/dev`, outside the layer.
enum Script {
  static let path = "/dev/.caisson/script"

  /// - Parameter root: The sandbox's root with `/dev` mounted, not yet entered.
  static func write(_ text: String, in root: borrowing FileDescriptor) throws(SandboxError) {
    let dev = try directory("dev", in: root.number)
    try makeDirectory(".caisson", in: dev)
    try makeFile(
      "script", in: try openPlace(".caisson", in: dev), content: Array(text.utf8), mode: 0o755)
  }

  /// The interpreter that the first line names behind `#!`; nil when it names none.
  static func interpreter(in start: [UInt8]) -> String? {
    guard start.starts(with: Array("#!".utf8)) else { return nil }
    let line = start.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
    let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    // A carriage return is part of the name, and the usual reason why it is not found.
    return words.first.map { String(decoding: $0, as: UTF8.self) }
  }
}
