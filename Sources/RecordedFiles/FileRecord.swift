// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What a command is to see of an inode and the disk does not say.
///
/// On disk everything belongs to the user who builds, and that user may read and write all of it; see
/// ``permissionsOnDisk``. An inode without record belongs to 0:0 and has the mode it has on disk.
package struct FileRecord: Equatable, Sendable {
  package var uid: UInt32
  package var gid: UInt32
  /// `st_mode`: kind and twelve bits.
  package var mode: UInt32
  /// Of a device node.
  package var deviceMajor: UInt32
  package var deviceMinor: UInt32
  /// Names of the inode outside the tree, which the link count of the disk has and the command's has
  /// not.
  package var hiddenLinks: UInt32
  /// Where the table keeps the attributes; 0 for none. Only ``FileRecords`` sets it.
  package internal(set) var attributes: UInt32 = 0

  package init(
    uid: UInt32 = 0, gid: UInt32 = 0, mode: UInt32, deviceMajor: UInt32 = 0,
    deviceMinor: UInt32 = 0, hiddenLinks: UInt32 = 0
  ) {
    self.uid = uid
    self.gid = gid
    self.mode = mode
    self.deviceMajor = deviceMajor
    self.deviceMinor = deviceMinor
    self.hiddenLinks = hiddenLinks
  }

  /// What an inode without record is.
  package init(implicitFor status: FileStatus) {
    self.init(mode: status.kind.modeBits | status.permissions)
  }

  package var kind: FileStatus.Kind { FileStatus.Kind(mode: mode) }
  package var permissions: UInt32 { mode & 0o7777 }

  /// What `chmod` is to set on disk: never a set-id bit, and enough for the user who builds.
  package var permissionsOnDisk: UInt32 {
    Self.permissionsOnDisk(for: permissions, isDirectory: kind == .directory)
  }

  package static func permissionsOnDisk(for permissions: UInt32, isDirectory: Bool) -> UInt32 {
    let kept = permissions & 0o1777
    if isDirectory { return kept | 0o700 }
    return kept | 0o600 | (kept & 0o111 != 0 ? 0o100 : 0)
  }

  /// Whether an inode with this mode and kind on disk needs no record to be seen like this.
  package var isImplied: Bool {
    let isPlain =
      switch kind {
      case .regular, .directory, .fifo, .socket: permissions == permissionsOnDisk
      case .symbolicLink: true
      case .characterDevice, .blockDevice, .unknown: false
      }
    return isPlain && uid == 0 && gid == 0 && hiddenLinks == 0 && attributes == 0
  }
}
