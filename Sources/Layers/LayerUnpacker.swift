// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// Writes one layer as a directory, with owners, modes, times and attributes.
///
/// Every path comes from a ``FileTree`` and is opened without following links, so nothing is written
/// outside the directory.
package struct LayerUnpacker: ~Copyable {
  package enum Style: Hashable, Sendable {
    /// The directory is for overlayfs: whiteouts are character devices 0:0, opaque directories have
    /// an attribute. Needs a root's powers, those of a user namespace included.
    case overlay(OverlayFormat)
    /// The directory holds the layers below as well: what is taken away is removed.
    case plain(setsOwners: Bool)
  }

  private let root: FileDescriptor
  private let path: PathBytes
  private let tree: FileTree
  /// Of the layers below, lowest first.
  private let lower: [PathBytes]
  private let style: Style
  /// Directories made here and what they are to become, set when their content is complete.
  private var directories: [PathBytes: LayerEntry] = [:]
  /// Where the last entry went: most follow one of the same directory.
  private var latest: OpenDirectory?

  /// - Parameters:
  ///   - directory: Exists; empty for an overlay, else with the layers below in it.
  ///   - tree: The layers below, applied; this layer is added to it.
  package init(
    into directory: PathBytes, over tree: FileTree, lower: [PathBytes], style: Style
  ) throws {
    self.root = try FileDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
    self.path = directory
    self.tree = tree
    self.lower = lower
    self.style = style
  }

  /// Unpacks all of `reader`.
  ///
  /// - Returns: The layer's entries, in its order.
  package mutating func unpack<Input: ByteSource & ~Copyable>(
    _ reader: inout TarReader<Input>
  ) throws -> [LayerEntry] {
    tree.beginLayer()
    var entries: [LayerEntry] = []
    while let entry = try reader.next() {
      entries.append(entry)
      switch try tree.apply(entry) {
      case .placed(let place): try self.place(entry, at: place, content: &reader)
      case .removed(let place, let hadLower): if hadLower { try hide(place) }
      case .emptied(let place):
        try makeDirectories(place)
        try hideLower(of: place)
      }
      try Task.checkCancellation()
    }
    // Files of this layer changed its time, and layers need not name it.
    if case .plain = style, directories[""] == nil, tree.root.inode.layer >= 0 {
      directories[""] = tree.root.entry
    }
    try finishDirectories()
    return entries
  }

  private mutating func place<Input: ByteSource & ~Copyable>(
    _ entry: LayerEntry, at place: PathBytes, content reader: inout TarReader<Input>
  ) throws {
    guard !place.isEmpty else {
      directories[place] = entry
      return
    }
    let parent = try parentDirectory(of: place)
    if entry.isDirectory {
      try makeDirectory(place, in: parent.descriptor)
      directories[place] = entry
      return
    }
    if entry.kind == .regular {
      let file = try makeFile(place, in: parent)
      try reader.forEachPiece { try file.writeAll($0) }
      return try setMetadata(
        of: entry, on: file, at: place, madeBy: try parent.ownerOfNewFiles(asOf: file))
    }
    try clear(place, in: parent.descriptor)
    if case .hardLink(let target) = entry.kind {
      try link(target, to: place, in: parent.descriptor)
    } else {
      try makeSpecial(entry, at: place, in: parent.descriptor)
    }
  }

  /// The directory of `place`, made if it is missing.
  private mutating func parentDirectory(of place: PathBytes) throws -> OpenDirectory {
    let parent = place.parent
    if let latest, latest.place == parent { return latest }
    try makeDirectories(parent)
    let opened = OpenDirectory(parent, try open(directory: parent))
    latest = opened
    return opened
  }

  private mutating func makeFile(_ place: PathBytes, in parent: OpenDirectory) throws
    -> FileDescriptor
  {
    do {
      return try parent.makeFile(place.name)
    } catch  where error.errno == .exists {
      try clear(place, in: parent.descriptor)
      return try parent.makeFile(place.name)
    }
  }

  /// Makes what has no content. A device that this user may not make is left out here; the blob
  /// still has it.
  private func makeSpecial(
    _ entry: LayerEntry, at place: PathBytes, in parent: borrowing FileDescriptor
  ) throws {
    switch entry.kind {
    case .regular, .hardLink, .directory: return
    case .symbolicLink(let target): try makeSymbolicLink(to: target, at: place, in: parent)
    case .fifo: try makeNode(place, in: parent, mode: S_IFIFO, device: 0)
    case .characterDevice(let major, let minor):
      let device = deviceNumber(major, minor)
      guard try makeDevice(place, in: parent, mode: S_IFCHR, device: device) else { return }
    case .blockDevice(let major, let minor):
      let device = deviceNumber(major, minor)
      guard try makeDevice(place, in: parent, mode: S_IFBLK, device: device) else { return }
    }
    try setMetadata(of: entry, at: place, in: parent)
  }

  private func makeSymbolicLink(
    to target: PathBytes, at place: PathBytes, in parent: borrowing FileDescriptor
  ) throws {
    let number = parent.number
    try retrying("symlink", place) {
      target.withCString { target in place.name.withCString { symlinkat(target, number, $0) } }
    }
  }

  /// Makes the directories of `place` that this layer lacks as the layers below have them.
  private mutating func makeDirectories(_ place: PathBytes) throws {
    guard !place.isEmpty, directories[place] == nil else { return }
    try makeDirectories(place.parent)
    try makeDirectory(place, in: try open(directory: place.parent))
    directories[place] = tree.resolve(place, followLast: false).node?.entry
  }

  private mutating func makeDirectory(_ place: PathBytes, in parent: borrowing FileDescriptor)
    throws
  {
    let number = parent.number
    if place.name.withCString({ mkdirat(number, $0, 0o700) }) == 0 { return }
    let errno = Errno.current
    guard errno == .exists else { throw SystemError("mkdir", place, errno) }
    if try FileStatus(of: place.name, at: number).kind == .directory {
      // An ordinary user needs the permission to write to what a layer below made read-only.
      guard style == .plain(setsOwners: false) else { return }
      try retrying("chmod", place) { place.name.withCString { fchmodat(number, $0, 0o700, 0) } }
      return
    }
    try retrying("unlink", place) { place.name.withCString { unlinkat(number, $0, 0) } }
    try retrying("mkdir", place) { place.name.withCString { mkdirat(number, $0, 0o700) } }
    // The whiteout or file that was here hid a directory of the layers below, if there is one.
    try markOpaque(place)
  }

  /// Takes away what an earlier entry of this layer left at `place`.
  private mutating func clear(_ place: PathBytes, in parent: borrowing FileDescriptor) throws {
    let number = parent.number
    if place.name.withCString({ unlinkat(number, $0, 0) }) == 0 { return }
    let errno = Errno.current
    if errno == .noSuchFile { return }
    guard errno == .isDirectory else { throw SystemError("unlink", place, errno) }
    latest = nil
    try removeTree(place.name, in: parent)
    if directories[place] != nil {
      directories = directories.filter { !$0.key.isWithin(place) }
    }
  }

  private mutating func hide(_ place: PathBytes) throws {
    let parent = try parentDirectory(of: place)
    if let node = tree.resolve(place, followLast: false).node {
      // This layer brought it: only what is below may be hidden, and only a directory has that.
      if node.isDirectory { try hideLower(of: place) }
      return
    }
    try clear(place, in: parent.descriptor)
    guard case .overlay = style else { return }
    try makeNode(place, in: parent.descriptor, mode: S_IFCHR, device: 0)
  }

  /// Takes from a directory of this layer what lower layers have in it.
  private mutating func hideLower(of place: PathBytes) throws {
    try markOpaque(place)
    guard let node = tree.resolve(place, followLast: false).node else { return }
    try clearUnknown(in: place, node)
  }

  private func markOpaque(_ place: PathBytes) throws {
    guard case .overlay(let format) = style else { return }
    let directory = try open(directory: place)
    try setExtendedAttribute(
      format.opaque, on: PathBytes("/proc/self/fd/\(directory.number)"), followLinks: true)
  }

  /// Removes what the tree has no more: files of lower layers, and copies made of them.
  private mutating func clearUnknown(in place: PathBytes, _ node: FileTree.Node) throws {
    let directory = try open(directory: place)
    for name in try sortedNames(in: directory) {
      guard let child = node.children[name] else {
        try clear(place.appending(name), in: directory)
        continue
      }
      if child.isDirectory { try clearUnknown(in: place.appending(name), child) }
    }
  }

  private mutating func link(
    _ target: PathBytes, to place: PathBytes, in parent: borrowing FileDescriptor
  ) throws {
    let found = tree.resolve(place, followLast: false)
    guard let inode = found.node?.inode else {
      throw LayerError.missingHardLinkTarget(place, target: target)
    }
    let source = tree.resolve(target, followLast: false)
    guard source.node?.inode === inode else {
      throw LayerError.missingHardLinkTarget(place, target: target)
    }
    if inode.layer != tree.layer, !exists(path.appending(source.path)) {
      try copyUp(inode, to: source.path)
    }
    let from = try open(directory: source.path.parent)
    let number = parent.number
    try retrying("link", place) {
      source.path.name.withCString { source in
        place.name.withCString { linkat(from.number, source, number, $0, 0) }
      }
    }
  }

  /// Copies a file of a lower layer into this one, for a hard link to it.
  private mutating func copyUp(_ inode: FileTree.Inode, to place: PathBytes) throws {
    let parent = try parentDirectory(of: place)
    guard inode.entry.kind == .regular else {
      return try makeSpecial(inode.entry, at: place, in: parent.descriptor)
    }
    guard lower.indices.contains(inode.layer) else {
      throw LayerError.missingHardLinkTarget(place, target: inode.entry.path)
    }
    let below = try FileDescriptor.open(lower[inode.layer], flags: O_RDONLY | O_DIRECTORY)
    let original = try FileDescriptor.openBeneath(inode.entry.path, in: below)
    let copy = try parent.makeFile(place.name)
    _ = try copy.append(inode.entry.sizeInBytes, from: original, at: 0)
    try setMetadata(of: inode.entry, on: copy, at: place)
  }

  private func open(directory place: PathBytes) throws -> FileDescriptor {
    guard !place.isEmpty else { return try root.duplicate() }
    return try FileDescriptor.openBeneath(
      place, in: root, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  }

  /// Content before its directory, which may forbid to enter it.
  private func finishDirectories() throws {
    for (place, entry) in directories.sorted(by: { $0.key > $1.key }) {
      let directory = try open(directory: place)
      try setMetadata(of: entry, on: directory, at: place)
    }
  }
}

// MARK: - Owners, modes, attributes, times

extension LayerUnpacker {
  private func setMetadata(
    of entry: LayerEntry, on file: borrowing FileDescriptor, at place: PathBytes,
    madeBy owner: (uid: UInt32, gid: UInt32)? = nil
  ) throws {
    let number = file.number
    if owner.map({ $0 != (entry.uid, entry.gid) }) ?? true {
      try setOwner(of: entry) { fchown(number, entry.uid, entry.gid) }
    }
    // After the owner, whose change clears set-ids and capabilities.
    try retrying("chmod", place) { fchmod(number, mode_t(entry.permissions)) }
    try setAttributes(of: entry, on: PathBytes("/proc/self/fd/\(number)"), follow: true)
    var times = Self.times(entry.modified)
    try retrying("utimens", place) { futimens(number, &times) }
  }

  private func setMetadata(
    of entry: LayerEntry, at place: PathBytes, in parent: borrowing FileDescriptor
  ) throws {
    let number = parent.number
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

  private static func times(_ time: FileTime) -> [timespec] {
    let stamp = timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
    return [stamp, stamp]
  }

  private func makeNode(
    _ place: PathBytes, in parent: borrowing FileDescriptor, mode: mode_t, device: UInt64
  ) throws {
    let number = parent.number
    try retrying("mknod", place) {
      place.name.withCString { mknodat(number, $0, mode | 0o600, dev_t(device)) }
    }
  }

  /// - Returns: False when this user may not: in a user namespace nobody may make devices.
  private func makeDevice(
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
