// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import RecordedFiles

/// Writes one layer as a directory, with owners, modes, times and attributes.
///
/// Every path comes from a ``FileTree`` and is opened without following links, so nothing is written
/// outside the directory.
package struct LayerUnpacker: ~Copyable {
  package enum Style: Sendable {
    /// The directory is for overlayfs: whiteouts are character devices 0:0, opaque directories have
    /// an attribute. Needs a root's powers, those of a user namespace included.
    case overlay(OverlayFormat)
    /// The directory holds the layers below as well: what is taken away is removed.
    case plain(setsOwners: Bool)
    /// As plain, for any user: everything belongs to this process's user, and what that user may not
    /// set is recorded.
    case recorded(FileRecords)
  }

  let root: FileDescriptor
  let path: PathBytes
  let tree: FileTree
  /// Of the layers below, lowest first.
  private let lower: [PathBytes]
  let style: Style
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
    begin()
    var entries: [LayerEntry] = []
    while let entry = try reader.next() {
      entries.append(entry)
      try apply(entry) { file in try reader.forEachPiece { try file.writeAll($0) } }
      try Task.checkCancellation()
    }
    try finish()
    return entries
  }

  /// What follows are the entries of the layer, each with ``put(_:_:)``, then ``finish()``.
  package func begin() { tree.beginLayer() }

  /// Writes one entry.
  ///
  /// - Parameter fill: Writes the content of a regular file.
  package mutating func put(
    _ entry: LayerEntry, _ fill: (borrowing FileDescriptor) throws -> Void
  ) throws { try apply(entry, fill) }

  /// Puts a change set on the tree.
  ///
  /// - Parameter directory: Has the content of the files, at their paths. They are hard-linked where
  ///   nobody else has done so, else copied: neither may be written to afterwards.
  /// - Precondition: The style is ``Style/recorded(_:)``.
  package mutating func apply(_ changes: [LayerEntry], from directory: PathBytes) throws {
    let source = try FileDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
    tree.beginLayer()
    for entry in changes {
      try apply(entry, linkingFrom: source.number) { file in
        if entry.sizeInBytes > 0 { try copyFile(of: entry, from: source.number, to: file) }
      }
      try Task.checkCancellation()
    }
    try finish()
  }

  /// - Parameters:
  ///   - source: A directory that has the file already.
  ///   - fill: Writes the content of a regular file that was made.
  private mutating func apply(
    _ entry: LayerEntry, linkingFrom source: Int32? = nil,
    _ fill: (borrowing FileDescriptor) throws -> Void
  ) throws {
    switch try tree.apply(entry) {
    case .placed(let place): try self.place(entry, at: place, source, fill)
    case .removed(let place, let hadLower): if hadLower { try hide(place) }
    case .emptied(let place):
      try makeDirectories(place)
      try hideLower(of: place)
    }
  }

  /// Gives directories their modes and times.
  package mutating func finish() throws {
    // Files of this layer changed its time, and layers need not name it.
    if style.holdsLayersBelow, directories[""] == nil, tree.root.inode.layer >= 0 {
      directories[""] = tree.root.entry
    }
    try finishDirectories()
  }

  private mutating func place(
    _ entry: LayerEntry, at place: PathBytes, _ source: Int32?,
    _ fill: (borrowing FileDescriptor) throws -> Void
  ) throws {
    guard !place.isEmpty else {
      directories[place] = entry
      return
    }
    let parent = try parentDirectory(of: place)
    switch entry.kind {
    case .directory:
      try makeDirectory(place, in: parent.descriptor)
      directories[place] = entry
    case .regular: try makeFile(entry, at: place, in: parent, source, fill)
    case .hardLink(let target):
      try clear(place, in: parent.descriptor)
      try link(target, to: place, in: parent.descriptor)
    default:
      try clear(place, in: parent.descriptor)
      try makeSpecial(entry, at: place, in: parent.descriptor)
    }
  }

  private mutating func makeFile(
    _ entry: LayerEntry, at place: PathBytes, in parent: OpenDirectory, _ source: Int32?,
    _ fill: (borrowing FileDescriptor) throws -> Void
  ) throws {
    if let source, entry.sizeInBytes > 0 {
      try clear(place, in: parent.descriptor)
      if try linkFile(of: entry, from: source, to: place, in: parent.descriptor) { return }
    }
    let file = try makeFile(place, in: parent)
    try fill(file)
    try setMetadata(
      of: entry, on: file, at: place, madeBy: try parent.ownerOfNewFiles(asOf: file))
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
    case .characterDevice where style.isRecorded: try makeStandIn(place, in: parent, mode: S_IFCHR)
    case .blockDevice where style.isRecorded: try makeStandIn(place, in: parent, mode: S_IFREG)
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
      guard case .plain(setsOwners: false) = style else { return }
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
    if !style.isRecorded, inode.layer != tree.layer, !exists(path.appending(source.path)) {
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
