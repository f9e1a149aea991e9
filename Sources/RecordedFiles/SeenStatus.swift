// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// The state of an inode as the command sees it: what the disk says, and the record over it.
package struct SeenStatus: Hashable, Sendable {
  package var key: FileKey
  package var status: FileStatus

  /// - Parameters:
  ///   - found: As the disk has it.
  ///   - record: Of this inode; nil when there is none.
  package init(_ found: FileStatus.WithBirth, _ record: FileRecord?) {
    key = FileKey(found)
    status = found.status
    (status.uid, status.gid) = (0, 0)
    guard let record else { return }
    (status.uid, status.gid) = (record.uid, record.gid)
    status.permissions = record.permissions
    if record.kind == .characterDevice || record.kind == .blockDevice {
      status.kind = record.kind
      status.sizeInBytes = 0
      (status.deviceMajor, status.deviceMinor) = (record.deviceMajor, record.deviceMinor)
    }
    status.linkCount -= min(status.linkCount, UInt64(record.hiddenLinks))
  }
}

extension FileRecords {
  /// What the command sees at `path` itself, a final symbolic link not followed.
  package func status(of path: PathBytes, at directory: Int32 = AT_FDCWD) throws(SystemError)
    -> SeenStatus
  {
    let found = try FileStatus.withBirth(of: path, at: directory)
    return SeenStatus(found, record(of: FileKey(found)))
  }

  package func status(of descriptor: Int32) throws(SystemError) -> SeenStatus {
    let found = try FileStatus.withBirth(of: descriptor)
    return SeenStatus(found, record(of: FileKey(found)))
  }

  /// All attributes of `path` itself: those recorded, and of those on disk the `user.` ones. What
  /// else the disk has belongs to the machine, such as SELinux labels.
  ///
  /// - Parameter followLinks: `path` leads to the file, such as one of `/proc/self/fd`.
  package func attributes(
    ofFileAt path: PathBytes, _ seen: SeenStatus, followLinks: Bool = false
  ) throws(SystemError) -> [ExtendedAttribute] {
    let recorded = attributes(of: seen.key)
    guard seen.status.kind == .regular || seen.status.kind == .directory else { return recorded }
    let onDisk = try extendedAttributes(of: path, followLinks: followLinks).filter { attribute in
      attribute.name.hasPrefix("user.") && !recorded.contains { $0.name == attribute.name }
    }
    return onDisk.isEmpty ? recorded : (recorded + onDisk).sorted()
  }
}
