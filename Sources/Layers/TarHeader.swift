// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The 512-byte blocks of a tar archive.
///
/// POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU's long names and
/// base-256 numbers are read but not written.
enum TarHeader {
  static let blockSize = 512

  enum Field {
    static let name = 0..<100
    static let mode = 100..<108
    static let uid = 108..<116
    static let gid = 116..<124
    static let size = 124..<136
    static let modified = 136..<148
    static let checksum = 148..<156
    static let type = 156
    static let link = 157..<257
    static let magic = 257..<265
    static let deviceMajor = 329..<337
    static let deviceMinor = 337..<345
    static let prefix = 345..<500
  }

  /// What stands in the type field.
  enum TypeFlag {
    static let regular = UInt8(ascii: "0")
    static let regularOld: UInt8 = 0
    static let hardLink = UInt8(ascii: "1")
    static let symbolicLink = UInt8(ascii: "2")
    static let characterDevice = UInt8(ascii: "3")
    static let blockDevice = UInt8(ascii: "4")
    static let directory = UInt8(ascii: "5")
    static let fifo = UInt8(ascii: "6")
    static let contiguous = UInt8(ascii: "7")
    static let pax = UInt8(ascii: "x")
    static let paxGlobal = UInt8(ascii: "g")
    static let gnuLongName = UInt8(ascii: "L")
    static let gnuLongLink = UInt8(ascii: "K")
  }

  static func paddedSize(_ size: Int64) -> Int64 {
    (size + Int64(blockSize) - 1) / Int64(blockSize) * Int64(blockSize)
  }

  /// The sum over the block with the checksum field taken as blanks.
  static func checksum(_ block: UnsafeRawBufferPointer) -> Int {
    var sum = 0
    for index in 0..<blockSize { sum += Int(block[index]) }
    for index in Field.checksum { sum += 32 - Int(block[index]) }
    return sum
  }
}

/// The records of a pax extended header: `length key=value\n`.
struct PaxRecords {
  private(set) var bytes: [UInt8] = []

  static let attributePrefix = Array("SCHILY.xattr.".utf8)

  /// The key for an attribute; a `=` in its name is written as GNU tar does, since it ends a key.
  static func attributeKey(_ name: PathBytes) -> [UInt8] {
    let text = name.bytes
    guard text.contains(UInt8(ascii: "=")) || decoded(text[...]) != text else {
      return attributePrefix + text
    }
    return attributePrefix
      + text.flatMap { byte in
        switch byte {
        case UInt8(ascii: "="): Array("%3D".utf8)
        case UInt8(ascii: "%"): Array("%25".utf8)
        default: [byte]
        }
      }
  }

  static func attributeName(_ key: ArraySlice<UInt8>) -> PathBytes {
    PathBytes(decoded(key.dropFirst(attributePrefix.count)))
  }

  private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var decoded: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.starts(with: "3D".utf8) || rest.starts(with: "25".utf8) {
        decoded.append(rest.first == UInt8(ascii: "3") ? UInt8(ascii: "=") : byte)
        rest = rest.dropFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return decoded
  }

  mutating func append(_ key: [UInt8], _ value: [UInt8]) {
    // The length counts its own digits.
    let rest = 1 + key.count + 1 + value.count + 1
    var length = rest + String(rest).utf8.count
    if rest + String(length).utf8.count != length {
      length = rest + String(length).utf8.count
    }
    bytes.append(contentsOf: String(length).utf8)
    bytes.append(UInt8(ascii: " "))
    bytes.append(contentsOf: key)
    bytes.append(UInt8(ascii: "="))
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "\n"))
  }

  mutating func append(_ key: String, _ value: [UInt8]) { append(Array(key.utf8), value) }
  mutating func append(_ key: String, _ value: String) { append(key, Array(value.utf8)) }

  /// - Returns: Nil when the records are malformed.
  static func parse(_ bytes: [UInt8]) -> [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]? {
    var records: [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []
    var rest = bytes[...]
    while let first = rest.first, first != 0 {
      guard let blank = rest.firstIndex(of: UInt8(ascii: " ")),
        let length = Int(String(decoding: rest[..<blank], as: UTF8.self)),
        length > blank - rest.startIndex + 1, length <= rest.count
      else { return nil }
      let record = rest[(blank + 1)..<(rest.startIndex + length)]
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "="))
      else { return nil }
      records.append((record[..<equals], record[(equals + 1)..<(record.endIndex - 1)]))
      rest = rest[(rest.startIndex + length)...]
    }
    return records
  }
}
