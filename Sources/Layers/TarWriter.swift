// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Writes entries as a pax archive: ustar headers, extended ones only where ustar has no room.
///
/// Equal entries give equal bytes. User and group names are left blank.
package struct TarWriter<Output: ByteSink & ~Copyable>: ~Copyable {
  package var output: Output
  private var block = [UInt8](repeating: 0, count: TarHeader.blockSize)
  private var remaining: Int64 = 0
  private var padding = 0

  package init(to output: consuming Output) { self.output = output }

  /// Starts an entry; a regular file's content follows by ``write(_:)``, exactly its size.
  ///
  /// - Parameter hasContent: False for an archive of headers only (a kept index).
  package mutating func begin(_ entry: LayerEntry, hasContent: Bool = true) throws {
    precondition(remaining == 0, "the entry before is not complete")
    let extended = fill(entry)
    if !extended.bytes.isEmpty { try writeExtended(extended, for: entry) }
    try output.write(block)
    if entry.kind == .regular && hasContent {
      remaining = entry.sizeInBytes
      padding = Int(TarHeader.paddedSize(remaining) - remaining)
    }
  }

  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    precondition(Int64(bytes.count) <= remaining, "more content than the header says")
    try output.write(bytes)
    remaining -= Int64(bytes.count)
    if remaining == 0, padding > 0 {
      try output.write([UInt8](repeating: 0, count: padding))
      padding = 0
    }
  }

  /// The two empty blocks at the end.
  package mutating func finish() throws {
    precondition(remaining == 0, "the last entry is not complete")
    try output.write([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
  }

  /// Fills `block` and says what did not fit.
  private mutating func fill(_ entry: LayerEntry) -> PaxRecords {
    var extended = PaxRecords()
    for index in block.indices { block[index] = 0 }
    var name = entry.path.bytes
    if name.isEmpty { name = [UInt8(ascii: ".")] }
    if entry.isDirectory { name.append(PathBytes.slash) }
    if !put(name: name) { extended.append("path", name) }

    var flag = TarHeader.TypeFlag.regular
    var link: [UInt8] = []
    switch entry.kind {
    case .regular: break
    case .directory: flag = TarHeader.TypeFlag.directory
    case .symbolicLink(let target): (flag, link) = (TarHeader.TypeFlag.symbolicLink, target.bytes)
    case .hardLink(let target): (flag, link) = (TarHeader.TypeFlag.hardLink, target.bytes)
    case .characterDevice(let major, let minor):
      flag = TarHeader.TypeFlag.characterDevice
      putDevice(major, minor)
    case .blockDevice(let major, let minor):
      flag = TarHeader.TypeFlag.blockDevice
      putDevice(major, minor)
    case .fifo: flag = TarHeader.TypeFlag.fifo
    }
    block[TarHeader.Field.type] = flag
    if link.count <= TarHeader.Field.link.count {
      put(link, TarHeader.Field.link)
    } else {
      extended.append("linkpath", link)
    }
    putNumber(Int64(entry.permissions), TarHeader.Field.mode)
    if !putNumber(Int64(entry.uid), TarHeader.Field.uid) {
      extended.append("uid", String(entry.uid))
    }
    if !putNumber(Int64(entry.gid), TarHeader.Field.gid) {
      extended.append("gid", String(entry.gid))
    }
    let size = entry.kind == .regular ? entry.sizeInBytes : 0
    if !putNumber(size, TarHeader.Field.size) { extended.append("size", String(size)) }
    let time = entry.modified
    let fits = time.seconds >= 0 && putNumber(time.seconds, TarHeader.Field.modified)
    if !fits || time.nanoseconds != 0 { extended.append("mtime", Self.decimal(time)) }
    for attribute in entry.attributes {
      extended.append(PaxRecords.attributeKey(attribute.name), attribute.value)
    }
    seal()
    return extended
  }

  private mutating func writeExtended(_ records: PaxRecords, for entry: LayerEntry) throws {
    let main = block
    for index in block.indices { block[index] = 0 }
    put(Array("PaxHeaders.0/".utf8) + entry.path.name.bytes.prefix(80), TarHeader.Field.name)
    block[TarHeader.Field.type] = TarHeader.TypeFlag.pax
    putNumber(0o644, TarHeader.Field.mode)
    putNumber(0, TarHeader.Field.uid)
    putNumber(0, TarHeader.Field.gid)
    putNumber(Int64(records.bytes.count), TarHeader.Field.size)
    putNumber(0, TarHeader.Field.modified)
    seal()
    try output.write(block)
    try output.write(records.bytes)
    let size = Int64(records.bytes.count)
    let padding = Int(TarHeader.paddedSize(size) - size)
    if padding > 0 { try output.write([UInt8](repeating: 0, count: padding)) }
    block = main
  }

  private mutating func seal() {
    put(Array("ustar".utf8) + [0] + Array("00".utf8), TarHeader.Field.magic)
    let sum = block.withUnsafeBytes { TarHeader.checksum($0) }
    let digits = String(sum, radix: 8)
    let zeros = String(repeating: "0", count: 6 - digits.utf8.count)
    put(Array((zeros + digits).utf8) + [0, 32], TarHeader.Field.checksum)
  }

  private mutating func put(_ bytes: [UInt8], _ field: Range<Int>) {
    for (offset, byte) in bytes.prefix(field.count).enumerated() {
      block[field.lowerBound + offset] = byte
    }
  }

  /// Puts a name into `name`, or split at a slash into `prefix` and `name`.
  private mutating func put(name: [UInt8]) -> Bool {
    if name.count <= TarHeader.Field.name.count {
      put(name, TarHeader.Field.name)
      return true
    }
    let earliest = name.count - TarHeader.Field.name.count - 1
    let latest = min(TarHeader.Field.prefix.count, name.count - 2)
    guard earliest <= latest,
      let slash = (earliest...latest).first(where: { name[$0] == PathBytes.slash }), slash > 0
    else {
      put(name, TarHeader.Field.name)
      return false
    }
    put(Array(name[..<slash]), TarHeader.Field.prefix)
    put(Array(name[(slash + 1)...]), TarHeader.Field.name)
    return true
  }

  /// Octal digits and a NUL; false (and the field zero) when there is no room.
  @discardableResult
  private mutating func putNumber(_ number: Int64, _ field: Range<Int>) -> Bool {
    let digits = Array(String(number, radix: 8).utf8)
    let room = field.count - 1
    let fits = number >= 0 && digits.count <= room
    let text = fits ? digits : []
    for index in 0..<room {
      let from = index - (room - text.count)
      block[field.lowerBound + index] = from >= 0 ? text[from] : UInt8(ascii: "0")
    }
    return fits
  }

  private mutating func putDevice(_ major: UInt32, _ minor: UInt32) {
    putNumber(Int64(major), TarHeader.Field.deviceMajor)
    putNumber(Int64(minor), TarHeader.Field.deviceMinor)
  }

  /// Seconds with their fraction, without trailing zeros.
  private static func decimal(_ time: FileTime) -> String {
    guard time.nanoseconds != 0 else { return String(time.seconds) }
    // Nanoseconds count upwards: -1.25 s is -2 s and 750,000,000 ns.
    let isNegative = time.seconds < 0
    let whole = isNegative ? -(time.seconds + 1) : time.seconds
    let part = isNegative ? 1_000_000_000 - Int64(time.nanoseconds) : Int64(time.nanoseconds)
    var digits = String(part)
    digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(isNegative ? "-" : "")\(whole).\(digits)"
  }
}
