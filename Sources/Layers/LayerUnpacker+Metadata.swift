// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// Owners, modes, attributes, times.
extension LayerUnpacker {
  func setMetadata(
    of entry: LayerEntry, on file: borrowing FileDescriptor, at place: PathBytes,
    madeBy owner: (uid: UInt32, gid: UInt32)? = nil
  ) throws {
    let number = file.number
    if case .recorded(let records) = style {
      return try record(entry, of: file, at: place, in: records)
    }
    if owner.map({ $0 != (entry.uid, entry.gid) }) ?? true {
      try setOwner(of: entry) { fchown(number, entry.uid, entry.gid) }
    }
    // After the owner, whose change clears set-ids and capabilities.
    try retrying("chmod", place) { fchmod(number, mode_t(entry.permissions)) }
    try setAttributes(of: entry, on: PathBytes("/proc/self/fd/\(number)"), follow: true)
    var times = Self.times(entry.modified)
    try retrying("utimens", place) { futimens(number, &times) }
  }

  func setMetadata(
    of entry: LayerEntry, at place: PathBytes, in parent: borrowing FileDescriptor
  ) throws {
    let number = parent.number
    if case .recorded(let records) = style {
      return try record(entry, at: place, in: parent, records)
    }
    try setOwner(of: entry) {
      place.name.withCString {
        fchownat(number, $0, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW)
      }
    }
    if case .symbolicLink = entry.kind {
    } else {
      try retrying("chmod", place) {
        place.name.withCString { fchmodat(number, $0, mode_t(entry.permissions), 0) }
      }
    }
    try setAttributes(
      of: entry, on: PathBytes("/proc/self/fd/\(number)").appending(place.name), follow: false)
    var times = Self.times(entry.modified)
    try retrying("utimens", place) {
      place.name.withCString { utimensat(number, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }
  }

  private func setOwner(of entry: LayerEntry, _ change: () -> Int32) throws {
    if case .plain(setsOwners: false) = style { return }
    if change() == 0 { return }
    let errno = Errno.current
    guard errno == .invalidArgument else { throw SystemError("chown", entry.path, errno) }
    throw LayerError.unmappedOwner(entry.path, uid: entry.uid, gid: entry.gid)
  }

  /// What the file system has no room for is left out here; the blob still has it.
  private func setAttributes(of entry: LayerEntry, on path: PathBytes, follow: Bool) throws {
    for attribute in entry.attributes where !OverlayFormat.isReserved(attribute.name) {
      do {
        try setExtendedAttribute(attribute, on: path, followLinks: follow)
      } catch {
        guard error.errno == .notSupported || error.errno == .notPermitted else { throw error }
      }
    }
  }

  static func times(_ time: FileTime) -> [timespec] {
    let stamp = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
    return [stamp, stamp]
  }

  func makeNode(
    _ place: PathBytes, in parent: borrowing FileDescriptor, mode: mode_t, device: UInt64
  ) throws(SystemError) {
    let number = parent.number
    try retrying("mknod", place) {
      place.name.withCString { mknodat(number, $0, mode | 0o600, dev_t(device)) }
    }
  }

  /// - Returns: False when this user may not: in a user namespace nobody may make devices.
  func makeDevice(
    _ place: PathBytes, in parent: borrowing FileDescriptor, mode: mode_t, device: UInt64
  ) throws -> Bool {
    let number = parent.number
    let status = place.name.withCString { mknodat(number, $0, mode | 0o600, dev_t(device)) }
    if status == 0 { return true }
    let errno = Errno.current
    guard errno == .notPermitted else { throw SystemError("mknod", place, errno) }
    return false
  }
}
