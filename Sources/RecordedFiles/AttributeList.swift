// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// The attributes of one inode as the heap has them: a size, a count, then names and values.
///
/// Nothing is copied; the bytes belong to whoever made the list.
struct AttributeList {
  /// The whole list, its head included.
  let bytes: Slice<UnsafeRawBufferPointer>
  let count: Int

  private static let headSize = 8
  private static let itemHeadSize = 8

  /// The list that `bytes` begins with; nil when they are none.
  init?(_ bytes: Slice<UnsafeRawBufferPointer>) {
    guard bytes.count >= Self.headSize else { return nil }
    let whole = UnsafeRawBufferPointer(rebasing: bytes)
    let size = Int(whole.loadUnaligned(as: UInt32.self))
    guard size >= Self.headSize, size <= bytes.count else { return nil }
    count = Int(whole.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    self.bytes = bytes[bytes.startIndex..<(bytes.startIndex + size)]
  }

  /// Calls `body` with name and value of each attribute until it says false.
  func forEach(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
  ) {
    let whole = UnsafeRawBufferPointer(rebasing: bytes)
    var offset = Self.headSize
    for _ in 0..<count {
      guard whole.count - offset >= Self.itemHeadSize else { return }
      let nameSize = Int(whole.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      let valueSize = Int(whole.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
      offset += Self.itemHeadSize
      guard whole.count - offset >= nameSize + valueSize else { return }
      let name = UnsafeRawBufferPointer(rebasing: whole[offset..<(offset + nameSize)])
      offset += nameSize
      let value = UnsafeRawBufferPointer(rebasing: whole[offset..<(offset + valueSize)])
      offset += valueSize
      guard body(name, value) else { return }
    }
  }

  func value(of name: PathBytes) -> [UInt8]? {
    var found: [UInt8]?
    forEach { candidate, value in
      guard candidate.elementsEqual(name.bytes) else { return true }
      found = Array(value)
      return false
    }
    return found
  }

  var attributes: [ExtendedAttribute] {
    var found: [ExtendedAttribute] = []
    forEach { name, value in
      found.append(ExtendedAttribute(name: PathBytes(Array(name)), value: Array(value)))
      return true
    }
    return found
  }

  static func encode(_ attributes: [ExtendedAttribute]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: headSize)
    for attribute in attributes {
      bytes.append(number: UInt32(attribute.name.bytes.count))
      bytes.append(number: UInt32(attribute.value.count))
      bytes += attribute.name.bytes
      bytes += attribute.value
    }
    let (size, count) = (UInt32(bytes.count), UInt32(attributes.count))
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: size, as: UInt32.self)
      $0.storeBytes(of: count, toByteOffset: 4, as: UInt32.self)
    }
    return bytes
  }
}

extension [UInt8] {
  /// In the byte order of this machine.
  mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
  }
}
