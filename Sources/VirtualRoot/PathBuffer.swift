// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Room for a path, NUL-terminated, that is filled again and again.
final class PathBuffer {
  /// With the NUL; PATH_MAX, and room for what a directory's path adds.
  static let capacity = 3 * 4096

  let start = UnsafeMutablePointer<CChar>.allocate(capacity: PathBuffer.capacity)
  /// Without the NUL.
  private(set) var count = 0

  init() { start[0] = 0 }
  deinit { start.deallocate() }

  var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(
      start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count)
  }
  var isEmpty: Bool { count == 0 }
  var isAbsolute: Bool { start[0] == slash }
  var path: PathBytes { PathBytes(Array(bytes)) }

  func begins(with prefix: PathBytes) -> Bool {
    prefix.bytes.withUnsafeBytes { bytes in
      guard let first = bytes.baseAddress else { return true }
      return bytes.count <= count && memcmp(first, start, bytes.count) == 0
    }
  }

  func removeAll() { setCount(0) }

  func setCount(_ count: Int) {
    self.count = count
    start[count] = 0
  }

  func append(_ other: UnsafePointer<CChar>, count added: Int) throws(Errno) {
    guard count + added < Self.capacity else { throw Errno(ENAMETOOLONG) }
    memcpy(start + count, other, added)
    setCount(count + added)
  }

  func append(_ other: PathBuffer) throws(Errno) { try append(other.start, count: other.count) }

  func append(_ bytes: PathBytes) throws(Errno) {
    try bytes.withCString { (text) throws(Errno) in try append(text, count: bytes.bytes.count) }
  }

  func append(byte: CChar) throws(Errno) {
    guard count + 1 < Self.capacity else { throw Errno(ENAMETOOLONG) }
    start[count] = byte
    setCount(count + 1)
  }

  func append(number: Int) throws(Errno) {
    guard count + 20 < Self.capacity else { throw Errno(ENAMETOOLONG) }
    setCount(count + format(number, at: start + count))
  }

  /// Fills it with the target of the link `number`, a descriptor for the link itself, or of
  /// `name` in the directory `number`.
  func readLink(_ number: Int32, _ name: UnsafePointer<CChar>) throws(Errno) {
    let found = readlinkat(number, name, start, Self.capacity - 1)
    guard found >= 0 else { throw Errno.current }
    setCount(found)
  }

  func copy(_ other: PathBuffer) {
    memcpy(start, other.start, other.count + 1)
    count = other.count
  }
}

let slash = CChar(UInt8(ascii: "/"))
let dot = CChar(UInt8(ascii: "."))

/// Writes a number that is not negative in decimal; no NUL.
///
/// - Returns: How many digits.
@discardableResult
func format(_ number: Int, at place: UnsafeMutablePointer<CChar>) -> Int {
  var count = 1
  var rest = number
  while rest >= 10 {
    rest /= 10
    count += 1
  }
  rest = number
  for index in stride(from: count - 1, through: 0, by: -1) {
    place[index] = CChar(UInt8(ascii: "0") + UInt8(rest % 10))
    rest /= 10
  }
  return count
}

/// The number that `text` writes in decimal, all of it; nil for anything else.
func decimal(_ text: UnsafePointer<CChar>, count: Int) -> Int32? {
  guard count > 0, count < 10 else { return nil }
  var value: Int32 = 0
  for index in 0..<count {
    let digit = Int32(text[index]) - Int32(UInt8(ascii: "0"))
    guard digit >= 0, digit <= 9, index == 0 || value != 0 else { return nil }
    value = value * 10 + digit
  }
  return value
}
