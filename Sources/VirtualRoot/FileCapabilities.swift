// SPDX-License-Identifier: Apache-2.0

/// The attribute `security.capability` of a program: `vfs_cap_data` of capabilities(7), "File
/// capability extended attribute versioning".
struct FileCapabilities: Equatable {
  var permitted: UInt64
  var inheritable: UInt64
  /// What the program gets is in effect at once.
  var isEffective: Bool

  init(permitted: UInt64, inheritable: UInt64, isEffective: Bool) {
    self.permitted = permitted
    self.inheritable = inheritable
    self.isEffective = isEffective
  }

  /// - Returns: Nil for what the kernel pays no heed to: another version, or capabilities in a user
  ///   namespace that is not ours.
  init?(_ attribute: [UInt8]) {
    guard attribute.count >= 4 else { return nil }
    let words = stride(from: 0, to: attribute.count & ~3, by: 4).map { start in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(attribute[start + $1]) << (8 * UInt32($1)) }
    }
    switch (words[0] >> 24, attribute.count) {
    case (1, 12):
      permitted = UInt64(words[1])
      inheritable = UInt64(words[2])
    case (2, 20), (3, 24):
      if words.count == 6, words[5] != 0 { return nil }
      permitted = UInt64(words[1]) | UInt64(words[3]) << 32
      inheritable = UInt64(words[2]) | UInt64(words[4]) << 32
    default: return nil
    }
    permitted &= Credentials.allCapabilities
    inheritable &= Credentials.allCapabilities
    isEffective = words[0] & 1 != 0
  }
}
