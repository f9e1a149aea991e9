// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// A directory of blobs by digest. It is an OCI image layout, so it is the local store as well.
///
/// Several processes may use one store at once: a blob appears complete, by rename, or not at all.
/// Temporary files lie in a scratch directory that its process holds locked; what a killed process
/// left there is removed by the next one to open the store.
/// OCI image-spec v1.1, image-layout.md.
package final class ContentStore: Sendable {
  /// Absolute.
  package let directory: PathBytes
  private let scratchDirectory: ScratchDirectory

  /// Opens the store, making what is missing.
  package init(directory: PathBytes) throws {
    self.directory = directory
    for algorithm in Digest.Algorithm.allCases {
      try makeDirectories(
        directory.appending("blobs").appending(PathBytes(algorithm.rawValue)), mode: 0o755)
    }
    scratchDirectory = try ScratchDirectory(in: directory.appending("tmp"))
    let layout = directory.appending("oci-layout")
    if !exists(layout) {
      try replaceFile(layout, with: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
    }
  }

  /// For temporary files of this process; on the same file system as the blobs.
  package var scratch: PathBytes { scratchDirectory.path }

  package func path(of digest: Digest) -> PathBytes {
    directory.appending("blobs").appending(digest.algorithm.rawValue).appending(digest.hex)
  }

  package func contains(_ digest: Digest) -> Bool { exists(path(of: digest)) }

  /// Whether the blob is there.
  ///
  /// - Throws: ``ContentError/sizeMismatch(expected:actual:)`` when it is, with another size than
  ///   `descriptor` says: then the descriptor is wrong.
  package func contains(_ descriptor: Descriptor) throws -> Bool {
    guard let status = try? FileStatus(of: path(of: descriptor.digest), followLinks: true) else {
      return false
    }
    guard status.sizeInBytes == descriptor.size else {
      throw ContentError.sizeMismatch(expected: descriptor.size, actual: status.sizeInBytes)
    }
    return true
  }

  package func open(_ digest: Digest) throws -> FileDescriptor {
    try FileDescriptor.open(path(of: digest))
  }

  /// The whole of a small blob.
  package func bytes(of digest: Digest, limit: Int = 16 << 20) throws -> [UInt8] {
    try contents(of: path(of: digest), limit: limit)
  }

  package func makeWriter(_ algorithm: Digest.Algorithm = .sha256) throws -> BlobWriter {
    try BlobWriter(store: self, algorithm: algorithm)
  }

  /// A writer that refuses more bytes than `descriptor` says; commit it expecting the same.
  package func makeWriter(expecting descriptor: Descriptor) throws -> BlobWriter {
    try BlobWriter(
      store: self, algorithm: descriptor.digest.algorithm, expectedSize: descriptor.size)
  }

  /// Stores bytes at hand.
  @discardableResult
  package func put(_ bytes: [UInt8]) throws -> Digest {
    let digest = Digest.of(bytes)
    if contains(digest) { return digest }
    let writer = try makeWriter()
    try bytes.withUnsafeBytes { try writer.write($0) }
    return try writer.commit().digest
  }

  /// Writes a whole file by temporary file, fsync and rename.
  ///
  /// - Parameter isDurable: False leaves the fsync out: after a power failure the file may be there
  ///   with other content, so its reader must be able to tell.
  package func replaceFile(_ path: PathBytes, with bytes: [UInt8], isDurable: Bool = true) throws {
    let temporary = temporaryPath()
    do {
      let file = try FileDescriptor.open(
        temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
      try file.writeAll(bytes)
      if isDurable { try file.synchronize() }
      try rename(temporary, to: path)
    } catch {
      try? removeFile(temporary)
      throw error
    }
  }

  /// A name nobody has, in ``scratch``.
  package func temporaryPath() -> PathBytes {
    scratch.appending(String(UInt64.random(in: 0...UInt64.max), radix: 36))
  }
}
