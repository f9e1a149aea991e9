// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

extension FileDescriptor {
  /// Appends `count` bytes of `source`, from `offset` on, at this file's own position; inside the
  /// kernel where the file systems allow it, shared rather than copied where they can.
  ///
  /// - Returns: The bytes copied: fewer than `count` where `source` ends early.
  package func append(
    _ count: Int64, from source: borrowing FileDescriptor, at offset: Int64
  ) throws(SystemError) -> Int64 {
    let copied = try appendInKernel(count, from: source, at: offset)
    if copied == count { return copied }
    return try copied
      + appendByHand(count - copied, from: source, at: offset + copied)
  }

  private func appendInKernel(
    _ count: Int64, from source: borrowing FileDescriptor, at offset: Int64
  ) throws(SystemError) -> Int64 {
    var position = off64_t(offset)
    var copied: Int64 = 0
    while copied < count {
      let piece = Int(min(count - copied, 1 << 30))
      let result = copy_file_range(source.number, &position, number, nil, piece, 0)
      if result > 0 {
        copied += Int64(result)
        continue
      }
      if result == 0 { break }
      let errno = Errno.current
      if errno == .interrupted { continue }
      if Self.copiesByHand.contains(errno.code) { break }
      throw SystemError("copy_file_range", nil, errno)
    }
    return copied
  }

  /// What says that these two files cannot be copied in the kernel, rather than that they are bad.
  private static let copiesByHand: Set<Int32> = [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EBADF, EPERM]

  private func appendByHand(
    _ count: Int64, from source: borrowing FileDescriptor, at offset: Int64
  ) throws(SystemError) -> Int64 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    var copied: Int64 = 0
    while copied < count {
      let wanted = Int(min(Int64(buffer.count), count - copied))
      let got = try source.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset + copied)
      if got == 0 { break }
      try writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      copied += Int64(got)
    }
    return copied
  }
}
