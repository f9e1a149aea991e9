// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

extension FileStatus {
  /// A status, and when its inode was made: nanoseconds since 1970, 0 where the file system does not
  /// tell. With device and inode number that names an inode for good, though its number is used again.
  package typealias WithBirth = (status: FileStatus, born: Int64)

  /// Of `path` itself, a final symbolic link not followed.
  package static func withBirth(of path: PathBytes, at directory: Int32 = AT_FDCWD)
    throws(SystemError) -> WithBirth
  {
    var buffer = statx()
    try retrying("statx", path) {
      path.withCString {
        statx(directory, $0, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, &buffer)
      }
    }
    return (FileStatus(buffer), Self.birth(buffer))
  }

  package static func withBirth(of descriptor: Int32) throws(SystemError) -> WithBirth {
    var buffer = statx()
    try retrying("statx") { statx(descriptor, "", AT_EMPTY_PATH, wanted, &buffer) }
    return (FileStatus(buffer), Self.birth(buffer))
  }

  private static var wanted: UInt32 { UInt32(STATX_BASIC_STATS) | UInt32(STATX_BTIME) }

  private static func birth(_ buffer: statx) -> Int64 {
    guard buffer.stx_mask & UInt32(STATX_BTIME) != 0 else { return 0 }
    return buffer.stx_btime.tv_sec &* 1_000_000_000 &+ Int64(buffer.stx_btime.tv_nsec)
  }

  private init(_ buffer: statx) {
    self.init(
      kind: Kind(mode: UInt32(buffer.stx_mode)),
      permissions: UInt32(buffer.stx_mode) & 0o7777,
      uid: buffer.stx_uid, gid: buffer.stx_gid, sizeInBytes: Int64(buffer.stx_size),
      modified: FileTime(
        seconds: buffer.stx_mtime.tv_sec, nanoseconds: Int32(buffer.stx_mtime.tv_nsec)),
      linkCount: UInt64(buffer.stx_nlink),
      device: caisson_makedev(buffer.stx_dev_major, buffer.stx_dev_minor),
      inode: buffer.stx_ino, deviceMajor: buffer.stx_rdev_major,
      deviceMinor: buffer.stx_rdev_minor, blocks: Int64(buffer.stx_blocks))
  }
}

extension FileStatus.Kind {
  /// What the upper four bits of `st_mode` say.
  package init(mode: UInt32) {
    self =
      switch mode_t(mode) & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      case S_IFCHR: .characterDevice
      case S_IFBLK: .blockDevice
      case S_IFIFO: .fifo
      case S_IFSOCK: .socket
      default: .unknown
      }
  }

  /// The upper four bits of `st_mode`; 0 for what has none.
  package var modeBits: UInt32 {
    let bits: mode_t =
      switch self {
      case .regular: S_IFREG
      case .directory: S_IFDIR
      case .symbolicLink: S_IFLNK
      case .characterDevice: S_IFCHR
      case .blockDevice: S_IFBLK
      case .fifo: S_IFIFO
      case .socket: S_IFSOCK
      case .unknown: 0
      }
    return UInt32(bits)
  }
}
