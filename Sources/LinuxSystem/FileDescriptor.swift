// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// An open file, closed when the value ends.
package struct FileDescriptor: ~Copyable, Sendable {
  package let number: Int32

  /// Takes ownership of an open descriptor.
  package init(owning number: Int32) { self.number = number }

  deinit { close(number) }

  /// Gives the descriptor up without closing it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  /// Opens `path`, relative to `directory` (the working directory if absent); always close-on-exec.
  package static func open(
    _ path: PathBytes, in directory: borrowing FileDescriptor, flags: Int32 = O_RDONLY,
    mode: mode_t = 0o666
  ) throws(SystemError) -> FileDescriptor {
    try open(path, at: directory.number, flags: flags, mode: mode)
  }

  package static func open(
    _ path: PathBytes, flags: Int32 = O_RDONLY, mode: mode_t = 0o666
  ) throws(SystemError) -> FileDescriptor {
    try open(path, at: AT_FDCWD, flags: flags, mode: mode)
  }

  package static func open(
    _ path: PathBytes, at directory: Int32, flags: Int32, mode: mode_t = 0o666
  ) throws(SystemError) -> FileDescriptor {
    let number = try retrying("open", path) {
      path.withCString { openat(directory, $0, flags | O_CLOEXEC, mode) }
    }
    return FileDescriptor(owning: number)
  }

  /// Opens `path` with every symbolic link and `..` resolved as if `directory` were `/`.
  package static func open(
    _ path: PathBytes, inRoot directory: borrowing FileDescriptor, flags: Int32 = O_RDONLY
  ) throws(SystemError) -> FileDescriptor {
    try open(
      path, in: directory, flags: flags,
      resolve: UInt64(RESOLVE_IN_ROOT) | UInt64(RESOLVE_NO_MAGICLINKS))
  }

  /// Opens `path`, which must lie below `directory` and have no symbolic link on its way.
  package static func openBeneath(
    _ path: PathBytes, in directory: borrowing FileDescriptor, flags: Int32 = O_RDONLY
  ) throws(SystemError) -> FileDescriptor {
    try open(
      path, in: directory, flags: flags,
      resolve: UInt64(RESOLVE_BENEATH) | UInt64(RESOLVE_NO_SYMLINKS))
  }

  private static func open(
    _ path: PathBytes, in directory: borrowing FileDescriptor, flags: Int32, resolve: UInt64
  ) throws(SystemError) -> FileDescriptor {
    let root = directory.number
    var attempts = 0
    while true {
      do {
        let number = try retrying("openat2", path) {
          path.withCString { caisson_openat2(root, $0, UInt64(flags | O_CLOEXEC), 0, resolve) }
        }
        return FileDescriptor(owning: number)
      } catch  where error.errno == .wouldBlock && attempts < mostAttempts {
        // Something was mounted or renamed somewhere while `..` was followed (openat2(2), EAGAIN).
        attempts += 1
      }
    }
  }

  private static let mostAttempts = 10_000

  /// Reads up to `buffer.count` bytes; 0 at the end.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    let number = number
    return try retrying("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64)
    throws(SystemError) -> Int
  {
    let number = number
    return try retrying("pread") {
      pread(number, buffer.baseAddress, buffer.count, off_t(offset))
    }
  }

  /// Writes all of `bytes`.
  package func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes
    let number = number
    while !rest.isEmpty {
      let written = try retrying("write") { write(number, rest.baseAddress, rest.count) }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  package func writeAll(_ bytes: [UInt8]) throws(SystemError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(SystemError) in
      try writeAll(UnsafeRawBufferPointer(buffer))
    }
  }

  package func seek(to offset: Int64) throws(SystemError) {
    let number = number
    try retrying("lseek") { lseek(number, off_t(offset), SEEK_SET) }
  }

  /// The next offset at or after `offset` that holds data (`SEEK_DATA`), or nil when only a hole follows.
  package func nextData(from offset: Int64) throws(SystemError) -> Int64? {
    try nextOffset(from: offset, whence: SEEK_DATA)
  }

  /// The next hole at or after `offset`; the end of the file counts as one.
  package func nextHole(from offset: Int64) throws(SystemError) -> Int64? {
    try nextOffset(from: offset, whence: SEEK_HOLE)
  }

  private func nextOffset(from offset: Int64, whence: Int32) throws(SystemError) -> Int64? {
    let found = lseek(number, off_t(offset), whence)
    if found >= 0 { return Int64(found) }
    let errno = Errno.current
    if errno.code == ENXIO { return nil }
    throw SystemError("lseek", nil, errno)
  }

  package func synchronize() throws(SystemError) {
    let number = number
    try retrying("fsync") { fsync(number) }
  }

  /// Has the kernel start writing a part of the file to the disk, so that a later
  /// ``synchronize()`` finds less to do; only a hint.
  package func startSynchronizing(_ part: Range<Int64>) {
    _ = sync_file_range(
      number, off64_t(part.lowerBound), off64_t(part.count), UInt32(SYNC_FILE_RANGE_WRITE))
  }

  package func duplicate() throws(SystemError) -> FileDescriptor {
    let number = number
    return FileDescriptor(
      owning: try retrying("dup") { caisson_fcntl_int(number, F_DUPFD_CLOEXEC, 0) })
  }

  package func status() throws(SystemError) -> FileStatus { try FileStatus(of: number) }

  /// Takes an advisory lock on the whole file (`flock`).
  ///
  /// - Returns: False when `wait` is false and somebody else holds it.
  package func lock(exclusive: Bool, wait: Bool) throws(SystemError) -> Bool {
    let number = number
    let operation = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
    do {
      try retrying("flock") { flock(number, operation) }
      return true
    } catch  where !wait && error.errno == .wouldBlock {
      return false
    }
  }
}

/// Reads a whole file that must not be larger than `limit` bytes.
///
/// - Throws: `EFBIG` when it is larger.
package func contents(of path: PathBytes, limit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
  try contents(of: try FileDescriptor.open(path), path: path, limit: limit)
}

package func contents(
  of file: borrowing FileDescriptor, path: PathBytes? = nil, limit: Int = 16 << 20
) throws(SystemError) -> [UInt8] {
  var all: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 64 << 10)
  while true {
    let count = try piece.withUnsafeMutableBufferPointer { (buffer) throws(SystemError) in
      try file.read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    if count == 0 { return all }
    guard all.count + count <= limit else { throw SystemError("read", path, Errno(EFBIG)) }
    all.append(contentsOf: piece[..<count])
  }
}

/// A device number as `mknod` takes it.
package func deviceNumber(_ major: UInt32, _ minor: UInt32) -> UInt64 {
  caisson_makedev(major, minor)
}
