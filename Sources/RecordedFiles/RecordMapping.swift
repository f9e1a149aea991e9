// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// The memory a table lies in: a file that is mapped, or memory alone once a file has no room.
struct RecordMapping: ~Copyable {
  let base: UnsafeMutableRawPointer
  let size: Int

  private init(_ descriptor: Int32, size: Int, flags: Int32) throws(SystemError) {
    guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0),
      base != MAP_FAILED
    else { throw SystemError("mmap", nil, Errno.current) }
    self.base = base
    self.size = size
  }

  deinit { munmap(base, size) }

  /// Maps a new file, all of whose blocks are there: a write to the mapping must never find the disk
  /// full, since that is a signal and no error.
  static func create(_ path: PathBytes, size: Int) throws(SystemError) -> RecordMapping {
    let file = try FileDescriptor.open(
      path, flags: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    let status = posix_fallocate(file.number, 0, off_t(size))
    guard status == 0 else { throw SystemError("fallocate", path, Errno(status)) }
    return try RecordMapping(file.number, size: size, flags: MAP_SHARED)
  }

  static func open(_ file: borrowing FileDescriptor, size: Int) throws(SystemError)
    -> RecordMapping
  {
    try RecordMapping(file.number, size: size, flags: MAP_SHARED)
  }

  static func anonymous(size: Int) throws(SystemError) -> RecordMapping {
    try RecordMapping(-1, size: size, flags: MAP_PRIVATE | MAP_ANONYMOUS)
  }
}
