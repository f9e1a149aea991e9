// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A Linux file name or path: bytes other than NUL, in no particular encoding.
///
/// `String` is no substitute: it replaces what is not UTF-8, and it calls two different spellings
/// of one character equal.
package struct PathBytes: Hashable, Comparable, Sendable {
  package var bytes: [UInt8]

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  package init(_ text: String) { self.bytes = Array(text.utf8) }

  package static func == (a: PathBytes, b: PathBytes) -> Bool {
    a.bytes.count == b.bytes.count && memcmp(a.bytes, b.bytes, a.bytes.count) == 0
  }

  package func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }

  /// The order of the bytes, as `memcmp` has it.
  package static func < (a: PathBytes, b: PathBytes) -> Bool {
    let order = memcmp(a.bytes, b.bytes, min(a.bytes.count, b.bytes.count))
    return order != 0 ? order < 0 : a.bytes.count < b.bytes.count
  }

  package static let slash = UInt8(ascii: "/")

  package var isEmpty: Bool { bytes.isEmpty }
  package var isAbsolute: Bool { bytes.first == Self.slash }

  /// The names between the slashes; empty ones and `.` are left out, `..` is kept.
  package var components: [PathBytes] {
    bytes.split(separator: Self.slash).compactMap { part in
      part.elementsEqual(CollectionOfOne(UInt8(ascii: "."))) ? nil : PathBytes(Array(part))
    }
  }

  /// What lies before the last slash; empty for a single name.
  package var parent: PathBytes {
    guard let slash = bytes.lastIndex(of: Self.slash) else { return PathBytes([UInt8]()) }
    return PathBytes(Array(bytes[..<slash]))
  }

  /// What lies behind the last slash.
  package var name: PathBytes {
    guard let slash = bytes.lastIndex(of: Self.slash) else { return self }
    return PathBytes(Array(bytes[(slash + 1)...]))
  }

  /// Joined by one slash; an empty side leaves the other as it is.
  package func appending(_ other: PathBytes) -> PathBytes {
    if isEmpty { return other }
    if other.isEmpty { return self }
    var joined = bytes
    joined.reserveCapacity(bytes.count + 1 + other.bytes.count)
    if joined.last != Self.slash { joined.append(Self.slash) }
    joined.append(contentsOf: other.bytes)
    return PathBytes(joined)
  }

  package func appending(_ name: String) -> PathBytes { appending(PathBytes(name)) }

  package func hasPrefix(_ other: PathBytes) -> Bool { bytes.starts(with: other.bytes) }

  /// Whether the path is `directory` or lies below it.
  package func isWithin(_ directory: PathBytes) -> Bool {
    if directory.isEmpty { return true }
    guard hasPrefix(directory) else { return false }
    return bytes.count == directory.bytes.count || directory.bytes.last == Self.slash
      || bytes[directory.bytes.count] == Self.slash
  }

  /// Lexically cleaned, relative to a root and without leading slash: `.` and empty parts dropped,
  /// `..` applied and stopped at the root.
  package var normalizedInRoot: PathBytes {
    var kept: [PathBytes] = []
    for part in components {
      if part.bytes == [UInt8(ascii: "."), UInt8(ascii: ".")] {
        _ = kept.popLast()
      } else {
        kept.append(part)
      }
    }
    return PathBytes(joining: kept)
  }

  package init(joining components: some Sequence<PathBytes>) {
    var joined: [UInt8] = []
    for part in components {
      if !joined.isEmpty { joined.append(Self.slash) }
      joined.append(contentsOf: part.bytes)
    }
    self.bytes = joined
  }

  /// Calls `body` with the path as a C string.
  package func withCString<R, E: Error>(_ body: (UnsafePointer<CChar>) throws(E) -> R) throws(E)
    -> R
  {
    var terminated = bytes
    terminated.append(0)
    return try terminated.withUnsafeBufferPointer { (buffer) throws(E) -> R in
      try buffer.withMemoryRebound(to: CChar.self) { (chars) throws(E) -> R in
        // Never empty: it ends with the NUL.
        try body(chars.baseAddress.unsafelyUnwrapped)
      }
    }
  }
}

extension PathBytes: CustomStringConvertible, ExpressibleByStringLiteral {
  /// For people; bytes that are not UTF-8 are replaced.
  package var description: String { String(decoding: bytes, as: UTF8.self) }

  package init(stringLiteral value: String) { self.init(value) }
}
