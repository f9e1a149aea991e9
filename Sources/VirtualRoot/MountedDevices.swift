// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import LinuxSystem

/// The file systems that a directory of the machine shows: `/sys` alone has several.
enum MountedDevices {
  /// - Parameter text: A `/proc/PID/mountinfo`; proc(5).
  static func below(_ directory: PathBytes, in text: [UInt8]) -> [UInt64] {
    text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      guard fields.count == 6, PathBytes(unescaped(fields[4])).isWithin(directory) else {
        return nil
      }
      let numbers = String(decoding: fields[2], as: UTF8.self).split(separator: ":")
      guard numbers.count == 2, let major = UInt32(numbers[0]), let minor = UInt32(numbers[1])
      else { return nil }
      return caisson_makedev(major, minor)
    }
  }

  /// Undoes `\040` and the like.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(3), as: UTF8.self)
      if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(digits, radix: 8) {
        result.append(value)
        rest = rest.dropFirst(3)
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
