// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles

/// What an unprivileged user writes beside the tree, in place of what it may not set.
extension LayerUnpacker {
  func record(
    _ entry: LayerEntry, of file: borrowing FileDescriptor, at place: PathBytes,
    in records: FileRecords
  ) throws {
    let number = file.number
    let record = FileRecord(entry)
    try retrying("chmod", place) { fchmod(number, mode_t(record.permissionsOnDisk)) }
    let path = PathBytes("/proc/self/fd/\(number)")
    let recorded = try setOwnAttributes(
      of: entry, on: path, follow: true, mayHaveOthers: entry.isDirectory)
    var times = Self.times(entry.modified)
    try retrying("utimens", place) { futimens(number, &times) }
    try put(record, recorded, for: try FileKey(of: number), in: records)
  }

  func record(
    _ entry: LayerEntry, at place: PathBytes, in parent: borrowing FileDescriptor,
    _ records: FileRecords
  ) throws {
    let number = parent.number
    let record = FileRecord(entry)
    if record.kind != .symbolicLink {
      try retrying("chmod", place) {
        place.name.withCString { fchmodat(number, $0, mode_t(record.permissionsOnDisk), 0) }
      }
    }
    let path = PathBytes("/proc/self/fd/\(number)").appending(place.name)
    let recorded = try setOwnAttributes(of: entry, on: path, follow: false, mayHaveOthers: false)
    var times = Self.times(entry.modified)
    try retrying("utimens", place) {
      place.name.withCString { utimensat(number, $0, &times, AT_SYMLINK_NOFOLLOW) }
    }
    try put(record, recorded, for: try FileKey(of: place.name, at: number), in: records)
  }

  private func put(
    _ record: FileRecord, _ attributes: [ExtendedAttribute], for key: FileKey,
    in records: FileRecords
  ) throws {
    // A record there is that of an entry before, or of an inode that is no more.
    records.remove(key)
    if !record.isImplied { records.set(record, for: key) }
    for attribute in attributes {
      try records.setAttribute(attribute, of: key, default: record)
    }
  }

  /// Sets on disk what the user may set.
  ///
  /// - Parameter mayHaveOthers: The inode is that of a lower layer's directory, perhaps.
  /// - Returns: The attributes to record.
  private func setOwnAttributes(
    of entry: LayerEntry, on path: PathBytes, follow: Bool, mayHaveOthers: Bool
  ) throws -> [ExtendedAttribute] {
    if mayHaveOthers { try removeAttributes(of: path, keeping: entry.attributes) }
    var recorded: [ExtendedAttribute] = []
    for attribute in entry.attributes where !OverlayFormat.isReserved(attribute.name) {
      guard attribute.name.hasPrefix("user.") else {
        recorded.append(attribute)
        continue
      }
      do throws(SystemError) {
        try setExtendedAttribute(attribute, on: path, followLinks: follow)
      } catch {
        switch error.errno {
        case .notSupported, .noSpace: recorded.append(attribute)
        case .notPermitted: continue  // Only files and directories have them.
        default: throw error
        }
      }
    }
    return recorded
  }

  private func removeAttributes(of path: PathBytes, keeping kept: [ExtendedAttribute]) throws {
    for attribute in try extendedAttributes(of: path, followLinks: true)
    where attribute.name.hasPrefix("user.") && !kept.contains(where: { $0.name == attribute.name })
    {
      try removeExtendedAttribute(attribute.name, of: path, followLinks: true)
    }
  }

  /// What lies on disk in place of a device: a device that anybody may make, which no file system
  /// confuses with a file, or an empty file where even that is refused.
  func makeStandIn(_ place: PathBytes, in parent: borrowing FileDescriptor, mode: mode_t) throws {
    do throws(SystemError) {
      try makeNode(place, in: parent, mode: mode, device: 0)
    } catch {
      guard mode == S_IFCHR, error.errno == .notPermitted || error.errno == .accessDenied else {
        throw error
      }
      try makeNode(place, in: parent, mode: S_IFREG, device: 0)
    }
  }

  // MARK: - Change sets

  /// Gives the file of a change set another name, in this tree.
  ///
  /// - Returns: False when it has to be copied: because the file system cannot link, or since another
  ///   tree has it already, and then none of the two could tell how many of its names are whose.
  func linkFile(
    of entry: LayerEntry, from source: Int32, to place: PathBytes,
    in parent: borrowing FileDescriptor
  ) throws -> Bool {
    guard case .recorded(let records) = style else {
      preconditionFailure("change sets are put on recorded trees only")
    }
    let number = parent.number
    let status = entry.path.withCString { old in
      place.name.withCString { linkat(source, old, number, $0, 0) }
    }
    guard status == 0 else {
      let errno = Errno.current
      guard [EMLINK, EXDEV, EPERM].contains(errno.code) else {
        throw SystemError("link", place, errno)
      }
      return false
    }
    let found = try FileStatus.withBirth(of: place.name, at: number)
    guard found.status.linkCount == 2 else {
      try retrying("unlink", place) { place.name.withCString { unlinkat(number, $0, 0) } }
      return false
    }
    var record = FileRecord(entry)
    record.hiddenLinks = 1
    let attributes = entry.attributes.filter {
      !$0.name.hasPrefix("user.") && !OverlayFormat.isReserved($0.name)
    }
    try put(record, attributes, for: FileKey(found), in: records)
    return true
  }
}

/// Copies the content of a change set's file.
func copyFile(of entry: LayerEntry, from source: Int32, to file: borrowing FileDescriptor) throws {
  let original = try FileDescriptor.open(entry.path, at: source, flags: O_RDONLY | O_NOFOLLOW)
  guard try file.append(entry.sizeInBytes, from: original, at: 0) == entry.sizeInBytes else {
    throw LayerError.fileChanged(entry.path)
  }
}

extension LayerUnpacker.Style {
  var isRecorded: Bool { if case .recorded = self { true } else { false } }
  var holdsLayersBelow: Bool { if case .overlay = self { false } else { true } }
}

extension FileRecord {
  /// What is seen of an entry's inode.
  init(_ entry: LayerEntry) {
    let kind: FileStatus.Kind
    var device: (major: UInt32, minor: UInt32) = (0, 0)
    switch entry.kind {
    case .regular, .hardLink: kind = .regular
    case .directory: kind = .directory
    case .symbolicLink: kind = .symbolicLink
    case .fifo: kind = .fifo
    case .characterDevice(let major, let minor): (kind, device) = (.characterDevice, (major, minor))
    case .blockDevice(let major, let minor): (kind, device) = (.blockDevice, (major, minor))
    }
    self.init(
      uid: entry.uid, gid: entry.gid,
      mode: kind.modeBits | (kind == .symbolicLink ? 0o777 : entry.permissions & 0o7777),
      deviceMajor: device.major, deviceMinor: device.minor)
  }
}
