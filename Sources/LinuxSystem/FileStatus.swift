// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// A moment as files record it: seconds and nanoseconds since 1970.
package struct FileTime: Hashable, Comparable, Sendable {
  package var seconds: Int64
  package var nanoseconds: Int32

  package init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  package static func < (a: FileTime, b: FileTime) -> Bool {
    (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
  }

  package static var now: FileTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return FileTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
  }
}

/// What an inode says of itself.
package struct FileStatus: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket, unknown
  }

  package var kind: Kind
  /// The lower twelve bits: set-ids, sticky, permissions.
  package var permissions: UInt32
  package var uid: UInt32
  package var gid: UInt32
  package var sizeInBytes: Int64
  package var modified: FileTime
  package var linkCount: UInt64
  package var device: UInt64
  package var inode: UInt64
  /// Of a device node.
  package var deviceMajor: UInt32
  package var deviceMinor: UInt32
  /// 512-byte units really taken; less than the size for a sparse file.
  package var blocks: Int64

  package init(of descriptor: Int32) throws(SystemError) {
    var buffer = stat()
    try retrying("fstat") { fstat(descriptor, &buffer) }
    self.init(buffer)
  }

  /// The status of `path` itself, a final symbolic link not followed unless asked.
  package init(of path: PathBytes, at directory: Int32 = AT_FDCWD, followLinks: Bool = false)
    throws(SystemError)
  {
    var buffer = stat()
    try retrying("stat", path) {
      path.withCString {
        fstatat(directory, $0, &buffer, followLinks ? 0 : AT_SYMLINK_NOFOLLOW)
      }
    }
    self.init(buffer)
  }

  init(
    kind: Kind, permissions: UInt32, uid: UInt32, gid: UInt32, sizeInBytes: Int64,
    modified: FileTime, linkCount: UInt64, device: UInt64, inode: UInt64, deviceMajor: UInt32,
    deviceMinor: UInt32, blocks: Int64
  ) {
    self.kind = kind
    self.permissions = permissions
    self.uid = uid
    self.gid = gid
    self.sizeInBytes = sizeInBytes
    self.modified = modified
    self.linkCount = linkCount
    self.device = device
    self.inode = inode
    self.deviceMajor = deviceMajor
    self.deviceMinor = deviceMinor
    self.blocks = blocks
  }

  private init(_ buffer: stat) {
    kind = Kind(mode: UInt32(buffer.st_mode))
    permissions = UInt32(buffer.st_mode & 0o7777)
    uid = buffer.st_uid
    gid = buffer.st_gid
    sizeInBytes = Int64(buffer.st_size)
    modified = FileTime(
      seconds: Int64(buffer.st_mtim.tv_sec), nanoseconds: Int32(buffer.st_mtim.tv_nsec))
    linkCount = UInt64(buffer.st_nlink)
    device = UInt64(buffer.st_dev)
    inode = UInt64(buffer.st_ino)
    deviceMajor = caisson_major(UInt64(buffer.st_rdev))
    deviceMinor = caisson_minor(UInt64(buffer.st_rdev))
    blocks = Int64(buffer.st_blocks)
  }
}

/// Whether `path` names anything (a dangling link counts).
package func exists(_ path: PathBytes) -> Bool { (try? FileStatus(of: path)) != nil }
