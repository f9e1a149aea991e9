// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles

/// A POSIX access control list in the form that extended attributes have it. acl(5),
/// include/uapi/linux/posix_acl_xattr.h.
struct AccessList: Equatable {
  struct Entry: Equatable {
    var tag: UInt16
    var permissions: UInt16
    /// Of a user or group that is named.
    var id: UInt32
  }

  static let accessName: PathBytes = "system.posix_acl_access"
  static let defaultName: PathBytes = "system.posix_acl_default"

  static let owner: UInt16 = 1
  static let user: UInt16 = 2
  static let owningGroup: UInt16 = 4
  static let group: UInt16 = 8
  static let mask: UInt16 = 16
  static let other: UInt16 = 32

  var entries: [Entry]

  /// - Throws: EINVAL for what is no list, EOPNOTSUPP for another version.
  init(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
    guard bytes.count >= 4 else { throw .invalidArgument }
    guard bytes.loadUnaligned(as: UInt32.self) == 2 else { throw .notSupported }
    guard (bytes.count - 4) % 8 == 0 else { throw .invalidArgument }
    entries = stride(from: 4, to: bytes.count, by: 8).map { offset in
      Entry(
        tag: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self),
        permissions: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self),
        id: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
    }
    if !isValid { throw .invalidArgument }
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = [2, 0, 0, 0]
    for entry in entries {
      withUnsafeBytes(of: entry.tag.littleEndian) { bytes += $0 }
      withUnsafeBytes(of: entry.permissions.littleEndian) { bytes += $0 }
      withUnsafeBytes(of: entry.id.littleEndian) { bytes += $0 }
    }
    return bytes
  }

  /// Each base entry once, in order, and a mask when somebody is named.
  private var isValid: Bool {
    if entries.isEmpty { return true }
    guard entries.allSatisfy({ $0.permissions & ~7 == 0 }),
      zip(entries, entries.dropFirst()).allSatisfy({ $0.tag <= $1.tag })
    else { return false }
    func count(_ tag: UInt16) -> Int { entries.count { $0.tag == tag } }
    let named = count(Self.user) + count(Self.group)
    guard count(Self.owner) == 1, count(Self.owningGroup) == 1, count(Self.other) == 1,
      count(Self.mask) <= 1, named == 0 || count(Self.mask) == 1
    else { return false }
    return count(Self.mask) + named + 3 == entries.count
  }

  /// Whether the twelve bits of a mode say as much.
  var isMode: Bool { entries.count == 3 }

  private func permissions(_ tag: UInt16) -> UInt16? {
    entries.first { $0.tag == tag }?.permissions
  }

  /// The nine bits that `stat` shows; the mask stands for the group.
  var mode: UInt32 {
    let owner = permissions(Self.owner) ?? 0
    let group = permissions(Self.mask) ?? permissions(Self.owningGroup) ?? 0
    return UInt32(owner) << 6 | UInt32(group) << 3 | UInt32(permissions(Self.other) ?? 0)
  }

  /// What `chmod` does to it.
  mutating func setMode(_ mode: UInt32) {
    let hasMask = permissions(Self.mask) != nil
    for index in entries.indices {
      switch entries[index].tag {
      case Self.owner: entries[index].permissions = UInt16(mode >> 6 & 7)
      case Self.mask: entries[index].permissions = UInt16(mode >> 3 & 7)
      case Self.owningGroup where !hasMask: entries[index].permissions = UInt16(mode >> 3 & 7)
      case Self.other: entries[index].permissions = UInt16(mode & 7)
      default: break
      }
    }
  }

  /// The permissions of `credentials`: acl(5), "Access check algorithm".
  ///
  /// - Parameter wanted: What one entry of several that fit has to grant alone.
  func permits(_ wanted: UInt32, _ inode: Inode, _ credentials: Credentials) -> Bool {
    let mask = UInt32(permissions(Self.mask) ?? 7)
    func grants(_ permissions: UInt32) -> Bool { wanted & ~permissions == 0 }
    if credentials.fileSystemUID == inode.uid { return grants(inode.mode >> 6 & 7) }
    for entry in entries where entry.tag == Self.user && entry.id == credentials.fileSystemUID {
      return grants(UInt32(entry.permissions) & mask)
    }
    var isNamed = false
    for entry in entries {
      let group: UInt32
      switch entry.tag {
      case Self.owningGroup: group = inode.gid
      case Self.group: group = entry.id
      default: continue
      }
      guard credentials.isMember(of: group) else { continue }
      isNamed = true
      if grants(UInt32(entry.permissions) & mask) { return true }
    }
    return isNamed ? false : grants(inode.mode & 7)
  }
}
