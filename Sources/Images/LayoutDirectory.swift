// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// A folder that is an image layout, seen as its index and its blobs.
///
/// OCI image-spec v1.1, image-layout.md.
struct LayoutDirectory: Sendable {
  static let version = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)

  let path: PathBytes

  func path(of digest: Digest) -> PathBytes { path.appending(blobName(digest)) }

  var hasIndex: Bool { exists(indexPath) }

  /// - Throws: ``ImageError/notALayout(directory:problem:)``.
  func readIndex() throws -> LayoutIndex {
    do {
      return try LayoutIndex(
        parsing: contents(of: indexPath, limit: LayoutIndex.largestSizeInBytes))
    } catch let error as SystemError where error.errno == .noSuchFile {
      throw ImageError.notALayout(directory: path.description, problem: "it has no index.json")
    } catch let error as ContentError {
      throw ImageError.notALayout(directory: path.description, problem: error.summary)
    }
  }

  /// Changes the index so that readers see the old or the new one, and parallel changes all count.
  ///
  /// - Returns: What `change` returns; a false one leaves the file as it is.
  @discardableResult
  func updateIndex(_ change: (inout LayoutIndex) throws -> Bool) throws -> Bool {
    let lock = try FileDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    _ = try lock.lock(exclusive: true, wait: true)
    var index = hasIndex ? try readIndex() : LayoutIndex()
    guard try change(&index) else { return false }
    try replaceFile(indexPath, with: index.encoded())
    return true
  }

  /// Makes the parts a layout must have, the index excepted.
  func make(for algorithm: Digest.Algorithm) throws {
    try makeDirectories(path.appending("blobs").appending(algorithm.rawValue), mode: 0o755)
    let layout = path.appending("oci-layout")
    if !exists(layout) { try replaceFile(layout, with: Self.version) }
  }

  private var indexPath: PathBytes { path.appending("index.json") }
}

/// Where a layout keeps a blob.
func blobName(_ digest: Digest) -> PathBytes {
  PathBytes("blobs/\(digest.algorithm.rawValue)/\(digest.hex)")
}
