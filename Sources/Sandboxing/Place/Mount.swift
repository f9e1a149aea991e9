// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
package struct Mount: Hashable, Sendable {
  /// Within the file system.
  package var root: PathBytes
  package var point: PathBytes
  /// `rw`, `nosuid`, ...: of this mount.
  package var options: [String]
  package var type: String
  package var source: String
  /// Of the file system.
  package var superOptions: [String]

  package init(
    root: PathBytes = "/", point: PathBytes, options: [String] = ["rw"], type: String,
    source: String = "none", superOptions: [String] = ["rw"]
  ) {
    self.root = root
    self.point = point
    self.options = options
    self.type = type
    self.source = source
    self.superOptions = superOptions
  }

  package func has(_ option: String) -> Bool {
    options.contains(option) || superOptions.contains(option)
  }

  /// All lines, in the order of the file; malformed ones are passed over.
  package static func all(in text: [UInt8]) -> [Mount] {
    text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = line.split(separator: UInt8(ascii: " "))
      let dash = fields.dropFirst(6).firstIndex { $0.elementsEqual("-".utf8) }
      guard let dash, fields.count > dash + 3 else { return nil }
      return Mount(
        root: unescaped(fields[3]), point: unescaped(fields[4]), options: words(fields[5]),
        type: String(decoding: fields[dash + 1], as: UTF8.self),
        source: unescaped(fields[dash + 2]).description, superOptions: words(fields[dash + 3]))
    }
  }

  /// The mount that `path`, absolute and without links, lies on: the last of the longest points.
  package static func holding(_ path: PathBytes, in mounts: [Mount]) -> Mount? {
    var found: Mount?
    for mount in mounts where path.isWithin(mount.point) {
      if mount.point.bytes.count >= found?.point.bytes.count ?? 0 { found = mount }
    }
    return found
  }

  private static func words(_ field: ArraySlice<UInt8>) -> [String] {
    String(decoding: field, as: UTF8.self).split(separator: ",").map(String.init)
  }

  /// Blank, tab, newline and backslash are written as three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> PathBytes {
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return PathBytes(bytes)
  }
}
