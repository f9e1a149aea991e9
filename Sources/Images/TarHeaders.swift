// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// One member of an archive, extended headers applied.
struct TarHeader {
  enum Kind { case file, hardLink, symbolicLink, other }

  var kind: Kind
  var name: PathBytes
  var linkTarget: PathBytes
  /// Where the member's bytes begin.
  var offset: Int64
  var sizeInBytes: Int64
}

/// The headers of an archive, one after the other; the bytes between them are not read.
struct TarHeaders {
  static let blockSize: Int64 = 512
  private static let largestExtension: Int64 = 1 << 20

  private let file: SharedFile
  private let location: String
  private var position: Int64 = 0
  /// From extended headers, for the next member.
  private var extended = Extension()

  private struct Extension {
    var name: PathBytes?
    var linkTarget: PathBytes?
    var sizeInBytes: Int64?
  }

  init(of file: SharedFile, location: String) throws {
    self.file = file
    self.location = location
    let beginning = try LayoutFile(in: file, offset: 0, sizeInBytes: file.sizeInBytes).prefix(6)
    if Self.compressions.contains(where: { beginning.starts(with: $0) }) {
      throw ImageError.compressedArchive(file: location)
    }
  }

  /// gzip, zstd, xz, bzip2.
  private static let compressions: [[UInt8]] = [
    [0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00],
    [0x42, 0x5A, 0x68],
  ]

  /// - Returns: Nil at the end of the archive.
  mutating func next() throws -> TarHeader? {
    while position < file.sizeInBytes {
      let block = try bytes(at: position, count: Self.blockSize)
      if block.allSatisfy({ $0 == 0 }) { return nil }
      try checkSum(of: block)
      let type = block[156]
      let own = try number(block[124..<136])
      let size =
        Self.hasNoBytes(type) ? 0 : Self.isExtension(type) ? own : extended.sizeInBytes ?? own
      let offset = position + Self.blockSize
      guard size <= file.sizeInBytes - offset else { throw malformed("it is truncated") }
      let padded = (size + Self.blockSize - 1) & ~(Self.blockSize - 1)
      position = offset + padded
      switch type {
      case UInt8(ascii: "x"): try readPax(bytes(at: offset, count: extensionSize(own)))
      case UInt8(ascii: "L"):
        extended.name = text(try bytes(at: offset, count: extensionSize(own))[...])
      case UInt8(ascii: "K"):
        extended.linkTarget = text(try bytes(at: offset, count: extensionSize(own))[...])
      case UInt8(ascii: "g"): continue
      default: return try member(block, type: type, offset: offset, size: size)
      }
    }
    if position == 0 { throw malformed("it is empty") }
    return nil
  }

  private mutating func member(_ block: [UInt8], type: UInt8, offset: Int64, size: Int64) throws
    -> TarHeader
  {
    defer { extended = Extension() }
    let name = extended.name ?? ownName(block)
    let target = extended.linkTarget ?? text(block[157..<257])
    let kind: TarHeader.Kind
    switch type {
    // A name that ends in a slash is a directory in archives from before ustar.
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      kind = name.bytes.last == PathBytes.slash ? .other : .file
    case UInt8(ascii: "1"): kind = .hardLink
    case UInt8(ascii: "2"): kind = .symbolicLink
    case UInt8(ascii: "3")...UInt8(ascii: "6"): kind = .other
    default:
      throw malformed("member \"\(name)\" is of unknown type \(type)")
    }
    return TarHeader(
      kind: kind, name: name, linkTarget: target, offset: offset, sizeInBytes: size)
  }

  /// Links, devices, directories and pipes: a size in their headers means nothing.
  private static func hasNoBytes(_ type: UInt8) -> Bool {
    (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(type)
  }

  private static func isExtension(_ type: UInt8) -> Bool { "xgLK".utf8.contains(type) }

  private func ownName(_ block: [UInt8]) -> PathBytes {
    let name = text(block[0..<100])
    // GNU's header has other fields where ustar keeps the first part of a long name.
    guard block[257..<263].elementsEqual("ustar\0".utf8) else { return name }
    return text(block[345..<500]).appending(name)
  }

  private func extensionSize(_ size: Int64) throws -> Int64 {
    guard size <= Self.largestExtension else { throw malformed("an extended header is too large") }
    return size
  }

  /// Records of the form `LENGTH KEY=VALUE\n`, the length counting the whole record.
  private mutating func readPax(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
        length > space - rest.startIndex, length <= rest.count
      else { throw malformed("an extended header is malformed") }
      let record = rest[(space + 1)..<(rest.startIndex + length)]
      guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: 0x3D)
      else { throw malformed("an extended header is malformed") }
      let value = record[(equals + 1)...].dropLast()
      try apply(String(decoding: record[..<equals], as: UTF8.self), value)
      rest = rest[(rest.startIndex + length)...]
    }
  }

  private mutating func apply(_ key: String, _ value: ArraySlice<UInt8>) throws {
    switch key {
    case "path": extended.name = text(value)
    case "linkpath": extended.linkTarget = text(value)
    case "size":
      guard let size = Int64(String(decoding: value, as: UTF8.self)), size >= 0 else {
        throw malformed("an extended header is malformed")
      }
      extended.sizeInBytes = size
    case _ where key.hasPrefix("GNU.sparse."): throw malformed("it has sparse members")
    default: break
    }
  }

  private func checkSum(of block: [UInt8]) throws {
    let stated = try number(block[148..<156])
    let blanks = Int64(8 * 0x20)
    let sum = block[..<148].reduce(blanks) { $0 + Int64($1) }
    guard block[156...].reduce(sum, { $0 + Int64($1) }) == stated else {
      throw malformed("it is no tar archive, or damaged")
    }
  }

  /// Octal digits between blanks, or GNU's base 256.
  private func number(_ field: ArraySlice<UInt8>) throws -> Int64 {
    var value: Int64 = 0
    if let first = field.first, first & 0x80 != 0 {
      guard first == 0x80 else { throw malformed("a header has a number out of range") }
      for byte in field.dropFirst() {
        guard value <= Int64.max >> 8 else {
          throw malformed("a header has a number out of range")
        }
        value = value << 8 | Int64(byte)
      }
      return value
    }
    let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
    for digit in digits {
      guard (0x30...0x37).contains(digit) else {
        throw malformed("it is no tar archive, or damaged")
      }
      value = value << 3 | Int64(digit - 0x30)
    }
    return value
  }

  private func text(_ field: ArraySlice<UInt8>) -> PathBytes {
    PathBytes(Array(field.prefix { $0 != 0 }))
  }

  private func bytes(at offset: Int64, count: Int64) throws -> [UInt8] {
    guard count <= file.sizeInBytes - offset else { throw malformed("it is truncated") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(count))
    try LayoutFile(in: file, offset: offset, sizeInBytes: count).forEachPiece {
      bytes.append(contentsOf: $0)
    }
    return bytes
  }

  private func malformed(_ problem: String) -> ImageError {
    .malformedArchive(file: location, problem: problem)
  }
}
