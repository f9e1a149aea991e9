// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The first line of a script: `#!`, an interpreter, and perhaps one argument.
///
/// As the kernel reads it (fs/binfmt_script.c); execve(2), "Interpreter scripts".
struct ScriptLine: Equatable {
  var interpreter: PathBytes
  /// Everything behind the interpreter but blanks at both ends.
  var argument: PathBytes?

  /// How much of a file the kernel looks at.
  static let limit = 256

  static func isScript(_ start: UnsafeRawBufferPointer) -> Bool {
    start.count >= 2 && start[0] == UInt8(ascii: "#") && start[1] == UInt8(ascii: "!")
  }

  /// - Parameter start: Of the file; what lies behind ``limit`` does not count.
  /// - Returns: Nil for what the kernel does not take as a script.
  init?(_ start: UnsafeRawBufferPointer) {
    guard Self.isScript(start) else { return nil }
    // A short file is followed by NULs, as in the kernel's buffer.
    var line = [UInt8](start.prefix(Self.limit))
    line += [UInt8](repeating: 0, count: Self.limit - line.count)
    guard let end = Self.end(of: line) else { return nil }
    guard let first = line[2..<end].firstIndex(where: { !Self.isBlank($0) }) else { return nil }
    let rest = line[first..<end]
    let separator = rest.firstIndex { Self.isBlank($0) || $0 == 0 } ?? end
    interpreter = PathBytes(Array(line[first..<separator]))
    guard separator < end, line[separator] != 0,
      let second = line[separator..<end].firstIndex(where: { !Self.isBlank($0) })
    else { return }
    // Empty when the file ends in blanks: the kernel hands that over, too.
    argument = PathBytes(Array(line[second..<end].prefix { $0 != 0 }))
  }

  /// Where the line ends, without blanks.
  private static func end(of line: [UInt8]) -> Int? {
    let text = line.prefix { $0 != 0 }
    var end: Int
    if let newline = text.firstIndex(of: UInt8(ascii: "\n")) {
      end = newline
    } else {
      guard let first = line[2...].firstIndex(where: { !isBlank($0) }),
        line[first..<(limit - 1)].contains(where: { isBlank($0) || $0 == 0 })
          || line[limit - 1] == 0 || isBlank(line[limit - 1])
      else { return nil }  // The name of the interpreter is cut off.
      end = limit - 1
    }
    while end > 2, isBlank(line[end - 1]) { end -= 1 }
    return end
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }
}
