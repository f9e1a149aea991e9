// SPDX-License-Identifier: Apache-2.0

import CCrypto

/// Computes a ``Digest`` piece by piece.
package struct DigestHasher: ~Copyable {
  private let context: OpaquePointer
  private let algorithm: Digest.Algorithm
  package private(set) var sizeInBytes: Int64 = 0

  package init(_ algorithm: Digest.Algorithm = .sha256) {
    guard let context = EVP_MD_CTX_new() else {
      preconditionFailure("libcrypto is out of memory")
    }
    let function =
      switch algorithm {
      case .sha256: EVP_sha256()
      case .sha384: EVP_sha384()
      case .sha512: EVP_sha512()
      }
    let started = EVP_DigestInit_ex(context, function, nil)
    precondition(started == 1, "libcrypto offers no \(algorithm)")
    self.context = context
    self.algorithm = algorithm
  }

  deinit { EVP_MD_CTX_free(context) }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    sizeInBytes += Int64(bytes.count)
  }

  package mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The digest of everything so far. Call it once.
  package mutating func finish() -> Digest {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    EVP_DigestFinal_ex(context, &bytes, &count)
    return Digest(algorithm: algorithm, bytes: Array(bytes[..<Int(count)]))
  }
}

extension Digest {
  /// The digest of bytes at hand.
  package static func of(_ bytes: [UInt8], algorithm: Algorithm = .sha256) -> Digest {
    var hasher = DigestHasher(algorithm)
    hasher.update(bytes)
    return hasher.finish()
  }
}
