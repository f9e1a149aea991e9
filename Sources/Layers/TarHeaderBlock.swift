// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What pax and GNU headers say of the entry behind them.
struct TarExtensions {
  var path: [UInt8]?
  var link: [UInt8]?
  var size: Int64?
  var uid: UInt32?
  var gid: UInt32?
  var modified: FileTime?
  private var values: [PathBytes: [UInt8]] = [:]

  var attributes: [ExtendedAttribute] {
    values.map { ExtendedAttribute(name: $0.key, value: $0.value) }.sorted()
  }

  mutating func apply(pax bytes: [UInt8], at offset: Int64) throws {
    guard let records = PaxRecords.parse(bytes) else {
      throw LayerError.malformedArchive("broken pax records", offset: offset)
    }
    for (key, value) in records {
      if key.starts(with: PaxRecords.attributePrefix) {
        let name = PaxRecords.attributeName(key)
        guard !name.isEmpty, !name.bytes.contains(0) else {
          throw LayerError.malformedArchive("an attribute without a name", offset: offset)
        }
        values[name] = Array(value)
        continue
      }
      let text = String(decoding: value, as: UTF8.self)
      switch String(decoding: key, as: UTF8.self) {
      // An empty value takes an earlier one back.
      case "path": path = value.isEmpty ? nil : Array(value)
      case "linkpath": link = value.isEmpty ? nil : Array(value)
      case "size": size = value.isEmpty ? nil : try number(text, at: offset)
      case "uid": uid = value.isEmpty ? nil : try number(text, at: offset)
      case "gid": gid = value.isEmpty ? nil : try number(text, at: offset)
      case "mtime": modified = value.isEmpty ? nil : try time(text, at: offset)
      case let name where name.hasPrefix("GNU.sparse."):
        throw LayerError.malformedArchive("a GNU sparse entry", offset: offset)
      default: break
      }
    }
  }

  private func number<Number: FixedWidthInteger>(_ text: String, at offset: Int64) throws -> Number
  {
    guard let number = Number(text), number >= 0 else {
      throw LayerError.malformedArchive("\"\(text)\" is no number", offset: offset)
    }
    return number
  }

  private func time(_ text: String, at offset: Int64) throws -> FileTime {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let digits = Array((parts.count > 1 ? parts[1] : "").utf8.prefix(9))
    guard let seconds = Int64(parts[0]), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw LayerError.malformedArchive("\"\(text)\" is no time", offset: offset)
    }
    let padded = digits + Array(repeating: 0x30, count: 9 - digits.count)
    let nanoseconds = padded.reduce(Int32(0)) { $0 * 10 + Int32($1 - 0x30) }
    if text.hasPrefix("-"), nanoseconds > 0, seconds > Int64.min {
      return FileTime(seconds: seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }
    return FileTime(seconds: seconds, nanoseconds: nanoseconds)
  }
}

/// The fields of one header block.
struct TarHeaderBlock {
  let block: [UInt8]
  let type: UInt8
  let size: Int64

  init(_ block: [UInt8], at offset: Int64) throws {
    self.block = block
    self.type = block[TarHeader.Field.type]
    let stated = Self.number(block[TarHeader.Field.checksum])
    let sum = block.withUnsafeBytes { TarHeader.checksum($0) }
    guard stated == Int64(sum) else {
      throw LayerError.malformedArchive("a header's checksum is wrong", offset: offset)
    }
    guard let size = Self.number(block[TarHeader.Field.size]), size >= 0 else {
      throw LayerError.malformedArchive("a header's size is no number", offset: offset)
    }
    self.size = size
  }

  func entry(with extensions: TarExtensions, at offset: Int64) throws -> LayerEntry {
    func field(_ range: Range<Int>) throws -> UInt32 {
      guard let value = Self.number(block[range]), let narrow = UInt32(exactly: value) else {
        throw LayerError.malformedArchive("a header field is no number", offset: offset)
      }
      return narrow
    }
    let path = PathBytes(extensions.path ?? name)
    let link = PathBytes(extensions.link ?? Self.text(block[TarHeader.Field.link]))
    func device() throws -> (major: UInt32, minor: UInt32) {
      let number = (
        major: try field(TarHeader.Field.deviceMajor), minor: try field(TarHeader.Field.deviceMinor)
      )
      guard number.major < 1 << 12, number.minor < 1 << 20 else {
        throw LayerError.malformedArchive("a device number Linux does not have", offset: offset)
      }
      return number
    }
    let kind: LayerEntry.Kind =
      switch type {
      case TarHeader.TypeFlag.regular, TarHeader.TypeFlag.regularOld,
        TarHeader.TypeFlag.contiguous:
        // Before ustar a directory was a file whose name ends with a slash.
        path.bytes.last == PathBytes.slash ? .directory : .regular
      case TarHeader.TypeFlag.directory: .directory
      case TarHeader.TypeFlag.symbolicLink: .symbolicLink(try Self.target(link))
      case TarHeader.TypeFlag.hardLink: .hardLink(try Self.safe(link))
      case TarHeader.TypeFlag.characterDevice:
        .characterDevice(major: try device().major, minor: try device().minor)
      case TarHeader.TypeFlag.blockDevice:
        .blockDevice(major: try device().major, minor: try device().minor)
      case TarHeader.TypeFlag.fifo: .fifo
      default:
        throw LayerError.malformedArchive("an entry of unknown type \(type)", offset: offset)
      }
    guard let seconds = Self.number(block[TarHeader.Field.modified]) else {
      throw LayerError.malformedArchive("a header's time is no number", offset: offset)
    }
    let contentSize = kind == .regular ? extensions.size ?? size : 0
    guard contentSize <= Self.largestContent else {
      throw LayerError.malformedArchive("a file of \(contentSize) bytes", offset: offset)
    }
    return LayerEntry(
      path: try Self.safe(path), kind: kind,
      permissions: try field(TarHeader.Field.mode) & 0o7777,
      uid: try extensions.uid ?? field(TarHeader.Field.uid),
      gid: try extensions.gid ?? field(TarHeader.Field.gid),
      sizeInBytes: contentSize,
      modified: extensions.modified ?? FileTime(seconds: seconds),
      attributes: extensions.attributes)
  }

  private var name: [UInt8] {
    let name = Self.text(block[TarHeader.Field.name])
    let isUstar = block[257..<262].elementsEqual("ustar".utf8) && block[262] == 0
    let prefix = isUstar ? Self.text(block[TarHeader.Field.prefix]) : []
    return prefix.isEmpty ? name : prefix + [PathBytes.slash] + name
  }

  /// In bytes: leaves room for padding and sums.
  private static var largestContent: Int64 { 1 << 60 }

  /// Relative and cleaned; refused when it has `..` or a NUL, or is too long.
  private static func safe(_ path: PathBytes) throws -> PathBytes {
    // A slash before and one behind it are allowed.
    guard path.bytes.count <= LayerEntry.longestPath + 2 else {
      throw LayerError.pathTooLong(path)
    }
    let parts = path.components
    guard !path.bytes.contains(0), !parts.contains(where: { $0 == ".." }) else {
      throw LayerError.forbiddenPath(path)
    }
    guard parts.allSatisfy({ $0.bytes.count <= 255 }) else { throw LayerError.pathTooLong(path) }
    return PathBytes(joining: parts)
  }

  /// Any text a symbolic link can have.
  private static func target(_ link: PathBytes) throws -> PathBytes {
    guard !link.isEmpty, !link.bytes.contains(0) else { throw LayerError.forbiddenPath(link) }
    guard link.bytes.count <= LayerEntry.longestPath else { throw LayerError.pathTooLong(link) }
    return link
  }

  private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] {
    Array(field.prefix { $0 != 0 })
  }

  /// Octal digits among blanks, or GNU's base 256, in two's complement; nil for anything else.
  private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
    guard let first = field.first else { return 0 }
    if first & 0x80 != 0 {
      var value = first & 0x40 == 0 ? Int64(first & 0x7F) : Int64(Int8(bitPattern: first))
      for byte in field.dropFirst() {
        guard (Int64.min >> 8...Int64.max >> 8).contains(value) else { return nil }
        value = value << 8 | Int64(byte)
      }
      return value
    }
    var value: Int64 = 0
    var begun = false
    var ended = false
    for byte in field {
      if byte == 0 && begun { break }
      if byte == 32 || byte == 0 {
        ended = begun
        continue
      }
      begun = true
      guard !ended, (0x30...0x37).contains(byte), value < Int64.max >> 3 else { return nil }
      value = value << 3 | Int64(byte - 0x30)
    }
    return value
  }
}
