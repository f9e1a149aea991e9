// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The memory of a table: a header, a hash table with open addressing, and a heap for attributes.
///
/// Everything is found by offsets, so it may be mapped anywhere. A removed entry leaves no tombstone:
/// those behind it move up.
struct RecordTable: ~Copyable {
  /// Of one cache line.
  struct Slot {
    var key: FileKey
    var record: FileRecord
    var isTaken: UInt32
    var reserved: UInt64
  }

  struct Header {
    var magic: UInt64
    var version: UInt32
    var slotSize: UInt32
    /// A power of two.
    var capacity: UInt64
    var count: UInt64
    var heapSize: UInt64
    var heapUsed: UInt64
  }

  static let magic: UInt64 = 0x5344_5243_4552_4143  // "CARECRDS" in memory
  static let version: UInt32 = 1
  static let headerSize = 4096
  static let smallestCapacity = 1 << 12
  static let smallestHeap = 1 << 16
  /// What a handle of 32 bits reaches, in units of eight bytes.
  static let largestHeap = (1 << 32) * 8
  private static let largestCapacity = 1 << 40

  private let mapping: RecordMapping
  private let mask: Int

  /// An empty table; `mapping` is all zero.
  init(in mapping: consuming RecordMapping, capacity: Int, heapSize: Int) {
    precondition(mapping.size == Self.size(capacity: capacity, heapSize: heapSize))
    mapping.base.storeBytes(
      of: Header(
        magic: Self.magic, version: Self.version, slotSize: UInt32(MemoryLayout<Slot>.stride),
        capacity: UInt64(capacity), count: 0, heapSize: UInt64(heapSize), heapUsed: 0),
      as: Header.self)
    self.mapping = mapping
    mask = capacity - 1
  }

  /// A table that lies in `mapping` already, as ``reasonToRefuse(_:size:)`` found.
  init(existingIn mapping: consuming RecordMapping) {
    mask = Int(mapping.base.load(as: Header.self).capacity) - 1
    self.mapping = mapping
  }

  static func size(capacity: Int, heapSize: Int) -> Int {
    headerSize + capacity * MemoryLayout<Slot>.stride + heapSize
  }

  /// Why a file of `size` bytes that begins with `header` is no table; nil when it is one.
  static func reasonToRefuse(_ header: Header, size: Int) -> String? {
    if header.magic != magic { return "it does not begin as one" }
    if header.version != version { return "it is of version \(header.version), not \(version)" }
    guard header.slotSize == UInt32(MemoryLayout<Slot>.stride),
      header.capacity >= 8, header.capacity <= UInt64(largestCapacity),
      header.capacity & (header.capacity - 1) == 0, header.count < header.capacity,
      header.heapSize >= UInt64(smallestHeap), header.heapSize <= UInt64(largestHeap),
      header.heapUsed <= header.heapSize,
      header.heapUsed % 8 == 0
    else { return "its sizes contradict each other" }
    let expected = Self.size(capacity: Int(header.capacity), heapSize: Int(header.heapSize))
    return expected == size ? nil : "it has \(size) bytes, and should have \(expected)"
  }

  private var header: UnsafeMutablePointer<Header> {
    mapping.base.assumingMemoryBound(to: Header.self)
  }

  private var slots: UnsafeMutablePointer<Slot> {
    (mapping.base + Self.headerSize).assumingMemoryBound(to: Slot.self)
  }

  var capacity: Int { mask + 1 }
  var count: Int { Int(header.pointee.count) }
  var heapSize: Int { mapping.size - Self.headerSize - capacity * MemoryLayout<Slot>.stride }
  var heapUsed: Int { min(Int(clamping: header.pointee.heapUsed), heapSize) }

  /// Three quarters: beyond, searches grow long.
  var isFull: Bool { (count + 1) * 4 > capacity * 3 }

  // MARK: - Entries

  func record(of key: FileKey) -> FileRecord? {
    index(of: key).map { slots[$0].record }
  }

  /// - Returns: False when no slot is free, which only a damaged file can come to.
  func set(_ record: FileRecord, for key: FileKey) -> Bool {
    var index = Int(truncatingIfNeeded: key.spread) & mask
    for _ in 0..<capacity {
      if slots[index].isTaken == 0 {
        slots[index] = Slot(key: key, record: record, isTaken: 1, reserved: 0)
        header.pointee.count += 1
        return true
      }
      if slots[index].key == key {
        slots[index].record = record
        return true
      }
      index = (index + 1) & mask
    }
    return false
  }

  func remove(_ key: FileKey) {
    guard var hole = index(of: key) else { return }
    header.pointee.count -= min(header.pointee.count, 1)
    var next = (hole + 1) & mask
    while slots[next].isTaken != 0, next != hole {
      // An entry may fill the hole unless its search begins behind it.
      let home = Int(truncatingIfNeeded: slots[next].key.spread) & mask
      if (next - home) & mask >= (next - hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole].isTaken = 0
  }

  private func index(of key: FileKey) -> Int? {
    var index = Int(truncatingIfNeeded: key.spread) & mask
    // The bound is for a damaged file that has no free slot.
    for _ in 0..<capacity {
      if slots[index].isTaken == 0 { return nil }
      if slots[index].key == key { return index }
      index = (index + 1) & mask
    }
    return nil
  }

  // MARK: - Heap

  /// The list of attributes a record points at; nil for none, or for a damaged handle.
  func attributes(at handle: UInt32) -> AttributeList? {
    guard handle != 0 else { return nil }
    let offset = (Int(handle) - 1) * 8
    guard offset < heapUsed else { return nil }
    return AttributeList(UnsafeRawBufferPointer(heap)[offset..<heapUsed])
  }

  /// - Returns: The handle; nil when the heap has no room.
  func append(_ list: AttributeList) -> UInt32? {
    let size = (list.bytes.count + 7) & ~7
    let offset = heapUsed
    guard heapSize - offset >= size else { return nil }
    UnsafeMutableRawBufferPointer(rebasing: heap[offset..<(offset + list.bytes.count)])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: list.bytes))
    header.pointee.heapUsed = UInt64(offset + size)
    return UInt32(offset / 8 + 1)
  }

  private var heap: UnsafeMutableRawBufferPointer {
    let start = Self.headerSize + capacity * MemoryLayout<Slot>.stride
    return UnsafeMutableRawBufferPointer(start: mapping.base + start, count: heapSize)
  }

  /// The bytes of the heap that records point at.
  var heapInUse: Int {
    var sum = 0
    for index in 0..<capacity where slots[index].isTaken != 0 {
      guard let list = attributes(at: slots[index].record.attributes) else { continue }
      sum += (list.bytes.count + 7) & ~7
    }
    return sum
  }

  /// Copies every entry, and what it has in the heap, into an empty table with room for them.
  func copy(to other: borrowing RecordTable) {
    for index in 0..<capacity where slots[index].isTaken != 0 {
      var record = slots[index].record
      record.attributes = attributes(at: record.attributes).flatMap { other.append($0) } ?? 0
      _ = other.set(record, for: slots[index].key)
    }
  }
}
