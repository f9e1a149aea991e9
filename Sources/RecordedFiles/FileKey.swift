// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What names an inode for good. The birth tells a new inode from a removed one whose number it got.
package struct FileKey: Hashable, Sendable {
  package var device: UInt64
  package var inode: UInt64
  /// Nanoseconds since 1970; 0 when the file system does not tell.
  package var born: Int64

  package init(device: UInt64, inode: UInt64, born: Int64) {
    self.device = device
    self.inode = inode
    self.born = born
  }

  package init(_ found: FileStatus.WithBirth) {
    self.init(device: found.status.device, inode: found.status.inode, born: found.born)
  }

  /// Of `path` itself, a final symbolic link not followed.
  package init(of path: PathBytes, at directory: Int32) throws(SystemError) {
    self.init(try FileStatus.withBirth(of: path, at: directory))
  }

  package init(of descriptor: Int32) throws(SystemError) {
    self.init(try FileStatus.withBirth(of: descriptor))
  }

  /// Spread over all bits: the numbers of neighbours differ in the lowest only.
  var spread: UInt64 {
    var mixed = inode &* 0x9E37_79B9_7F4A_7C15
    mixed ^= (device &+ UInt64(bitPattern: born)) &* 0xC2B2_AE3D_27D4_EB4F
    mixed ^= mixed >> 32
    mixed = mixed &* 0xD6E8_FEB8_6659_FD93
    return mixed ^ (mixed >> 32)
  }
}
