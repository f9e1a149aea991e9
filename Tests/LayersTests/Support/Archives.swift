// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

@testable import Layers

/// An archive of entries with their content.
func archive(_ files: [(LayerEntry, String)]) throws -> [UInt8] {
  var tar = TarWriter(to: MemorySink(limit: 64 << 20))
  for (entry, content) in files {
    var entry = entry
    entry.sizeInBytes = Int64(content.utf8.count)
    try tar.begin(entry)
    if !content.isEmpty { try Array(content.utf8).withUnsafeBytes { try tar.write($0) } }
  }
  try tar.finish()
  return tar.output.bytes
}

func archive(_ entries: LayerEntry...) throws -> [UInt8] { try archive(entries.map { ($0, "") }) }

func entries(of bytes: [UInt8]) throws -> [LayerEntry] {
  var reader = TarReader(MemorySource(bytes))
  var found: [LayerEntry] = []
  while let entry = try reader.next() { found.append(entry) }
  return found
}

extension LayerEntry {
  static func file(_ path: PathBytes, _ permissions: UInt32 = 0o644) -> LayerEntry {
    LayerEntry(path: path, kind: .regular, permissions: permissions)
  }

  static func directory(_ path: PathBytes, _ permissions: UInt32 = 0o755) -> LayerEntry {
    LayerEntry(path: path, kind: .directory, permissions: permissions)
  }

  static func symbolicLink(_ path: PathBytes, _ target: PathBytes) -> LayerEntry {
    LayerEntry(path: path, kind: .symbolicLink(target), permissions: 0o777)
  }

  static func hardLink(_ path: PathBytes, _ target: PathBytes) -> LayerEntry {
    LayerEntry(path: path, kind: .hardLink(target), permissions: 0o644)
  }
}

/// A header block made by hand, to say what our own writer never would.
struct RawBlock {
  var bytes = [UInt8](repeating: 0, count: 512)

  init(_ name: String, type: Character = "0", size: Int = 0, link: String = "") {
    put(Array(name.utf8), at: 0)
    for (offset, width) in [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8)] {
      put(Array(repeating: 0x30, count: width - 1), at: offset)
    }
    let digits = Array(String(size, radix: 8).utf8)
    put(Array(repeating: 0x30, count: 11 - digits.count) + digits, at: 124)
    put([type.asciiValue ?? 0], at: 156)
    put(Array(link.utf8), at: 157)
    put(Array("ustar\u{0}00".utf8), at: 257)
  }

  func with(_ field: [UInt8], at offset: Int) -> RawBlock {
    var changed = self
    changed.put(field, at: offset)
    return changed
  }

  private mutating func put(_ field: [UInt8], at offset: Int) {
    bytes.replaceSubrange(offset..<(offset + field.count), with: field)
  }

  var sealed: [UInt8] {
    var sealed = self
    sealed.put(Array(repeating: 32, count: 8), at: 148)
    let digits = Array(String(sealed.bytes.reduce(0) { $0 + Int($1) }, radix: 8).utf8)
    sealed.put(Array(repeating: 0x30, count: 6 - digits.count) + digits + [0], at: 148)
    return sealed.bytes
  }
}

func padded(_ bytes: [UInt8]) -> [UInt8] {
  bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
}

func pax(_ records: (String, String)...) -> [UInt8] {
  var text = PaxRecords()
  for (key, value) in records { text.append(key, value) }
  return RawBlock("PaxHeaders/x", type: "x", size: text.bytes.count).sealed + padded(text.bytes)
}

let endOfArchive = [UInt8](repeating: 0, count: 1024)

/// All that a source gives, asked for in pieces of a size.
func drain<Input: ByteSource & ~Copyable>(
  _ source: consuming Input, pieces size: Int = 64 << 10
) throws -> [UInt8] {
  let buffer = PieceBuffer(capacity: size)
  var all: [UInt8] = []
  while case let count = try source.read(into: buffer.whole), count > 0 {
    all.append(contentsOf: buffer.bytes(0..<count))
  }
  return all
}

/// Bytes that are the same in every run; half of each stretch of 4 KiB repeats.
func sampleBytes(_ count: Int, isRandom: Bool) -> [UInt8] {
  var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  return (0..<count).map { index in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return isRandom || index % 4096 < 2048 ? UInt8(truncatingIfNeeded: state >> 33) : 7
  }
}

func write(_ bytes: [UInt8], to path: PathBytes) throws {
  try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(bytes)
}
