// SPDX-License-Identifier: Apache-2.0

/// What content is called by: `sha256:` and 64 hexadecimal digits, `sha384:` and 96, or `sha512:` and 128.
///
/// OCI image-spec v1.1, descriptor.md, "Digests".
package struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
  package enum Algorithm: String, CaseIterable, Hashable, Sendable {
    case sha256, sha384, sha512

    package var hexLength: Int {
      switch self {
      case .sha256: 64
      case .sha384: 96
      case .sha512: 128
      }
    }
  }

  package let algorithm: Algorithm
  /// Lower-case hexadecimal.
  package let hex: String

  package init(algorithm: Algorithm = .sha256, bytes: [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    var hex: [UInt8] = []
    hex.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      hex.append(digits[Int(byte >> 4)])
      hex.append(digits[Int(byte & 15)])
    }
    self.algorithm = algorithm
    self.hex = String(decoding: hex, as: UTF8.self)
  }

  /// - Returns: Nil for anything but a known algorithm and exactly its lower-case digits.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let algorithm = Algorithm(rawValue: String(parts[0])),
      parts[1].utf8.count == algorithm.hexLength,
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.algorithm = algorithm
    self.hex = String(parts[1])
  }

  package var description: String { "\(algorithm.rawValue):\(hex)" }

  /// Enough to recognise it by, for people.
  package var short: String { String(hex.prefix(12)) }

  package static func < (a: Digest, b: Digest) -> Bool { a.description < b.description }
}
