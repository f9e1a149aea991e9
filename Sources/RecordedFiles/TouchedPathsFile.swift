// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// On disk: eight bytes that say what it is, the number of paths, then for each what was done to it,
/// its length, its bytes. Numbers are in the byte order of the machine: the file does not leave it.
extension TouchedPaths {
  private static let magic = Array("CATOUCH1".utf8)
  private static let headSize = 16
  private static let largestSizeInBytes = 4 << 30

  /// - Throws: ``FileRecordsError/refused(_:)``.
  package func write(to path: PathBytes) throws(FileRecordsError) {
    let (count, bytes) = encoded()
    var head = Self.magic
    head.append(number: UInt64(count))
    do {
      let file = try FileDescriptor.open(
        path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
      try file.writeAll(head)
      try file.writeAll(bytes)
    } catch {
      throw .refused(error)
    }
  }

  /// - Throws: ``FileRecordsError/damaged(_:reason:)`` among others.
  package static func read(from path: PathBytes) throws(FileRecordsError) -> TouchedPaths {
    let bytes: [UInt8]
    do {
      bytes = try contents(of: path, limit: largestSizeInBytes)
    } catch {
      throw .refused(error)
    }
    guard bytes.count >= headSize, bytes.starts(with: magic) else {
      throw .damaged(path, reason: "it does not begin as one")
    }
    let touched = TouchedPaths()
    guard bytes.withUnsafeBytes(touched.addAll) else {
      throw .damaged(path, reason: "it ends in the middle of a path, or does not end")
    }
    return touched
  }

  /// - Returns: False when `file` does not hold as many paths as it says, and nothing else.
  private func addAll(of file: UnsafeRawBufferPointer) -> Bool {
    let count = file.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    var offset = Self.headSize
    for _ in 0..<count {
      guard file.count - offset >= 3 else { return false }
      let touch = FileTouch(rawValue: file[offset])
      let length = Int(file.loadUnaligned(fromByteOffset: offset + 1, as: UInt16.self))
      offset += 3
      guard file.count - offset >= length else { return false }
      UnsafeRawBufferPointer(rebasing: file[offset..<(offset + length)])
        .withMemoryRebound(to: UInt8.self) { add($0, touch) }
      offset += length
    }
    return offset == file.count
  }
}
