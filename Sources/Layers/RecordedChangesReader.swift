// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles

/// Walks the paths that were touched and compares what is there with what was.
struct RecordedChangesReader: ~Copyable {
  private let tree: FileDescriptor
  private let records: FileRecords
  private let touched: [(path: PathBytes, touch: FileTouch)]
  private var items: [RecordedChanges.Item] = []

  /// - Parameter touched: In the order of a walk.
  init(
    tree: consuming FileDescriptor, records: FileRecords,
    touched: [(path: PathBytes, touch: FileTouch)]
  ) {
    self.tree = tree
    self.records = records
    self.touched = touched
  }

  /// Parents first, names in order. Call it once.
  mutating func items(over below: FileTree) throws -> [RecordedChanges.Item] {
    let first = touched.first?.path.isEmpty == true ? 1 : 0
    try addTouched(
      first..<touched.count, in: PathBytes([UInt8]()), parent: nil, over: below.root)
    return items
  }

  /// - Parameter range: The touched paths below the directory `path`.
  private mutating func addTouched(
    _ range: Range<Int>, in path: PathBytes, parent: Int?, over below: FileTree.Node?
  ) throws {
    let start = path.isEmpty ? 0 : path.bytes.count + 1
    var index = range.lowerBound
    while index < range.upperBound {
      let name = PathBytes(touched[index].path.bytes[start...].prefix { $0 != PathBytes.slash })
      let child = path.appending(name)
      var end = index + 1
      while end < range.upperBound, touched[end].path.isWithin(child) { end += 1 }
      let isTouched = touched[index].path.bytes.count == child.bytes.count
      let touch = isTouched ? touched[index].touch : []
      try add(
        child, touch, inside: (isTouched ? index + 1 : index)..<end, parent: parent,
        over: below?.children[name])
      index = end
    }
  }

  /// Adds all that lies in a directory that hides what the layers below have.
  private mutating func addAll(in path: PathBytes, parent: Int) throws {
    let directory = try FileDescriptor.openBeneath(
      path, in: tree, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    for name in try sortedNames(in: directory) {
      try add(path.appending(name), .name, inside: 0..<0, parent: parent, over: nil)
    }
  }

  private mutating func add(
    _ path: PathBytes, _ touch: FileTouch, inside: Range<Int>, parent: Int?,
    over below: FileTree.Node?
  ) throws {
    guard let seen = try status(of: path), !OverlayFormat.isWhiteout(seen.status) else {
      return addWhiteout(path, parent, over: below)
    }
    guard !path.name.hasPrefix(Whiteout.prefix) else { throw LayerError.reservedName(path) }
    switch seen.status.kind {
    case .directory:
      try addDirectory(path, seen, touch, inside: inside, parent: parent, over: below)
    case .socket, .unknown:
      // It still hides what was there.
      addWhiteout(path, parent, over: below)
    default: try addFile(path, seen, touch, parent: parent, over: below)
    }
  }

  /// What hides nothing is left out.
  private mutating func addWhiteout(_ path: PathBytes, _ parent: Int?, over below: FileTree.Node?) {
    if below == nil { return }
    items.append(
      RecordedChanges.Item(entry: Whiteout.file(path).entry, parent: parent, isChanged: true))
  }

  private mutating func addDirectory(
    _ path: PathBytes, _ seen: SeenStatus, _ touch: FileTouch, inside: Range<Int>, parent: Int?,
    over below: FileTree.Node?
  ) throws {
    let entry = try self.entry(path, seen)
    let old = below.flatMap { $0.isDirectory ? $0 : nil }
    let index = items.count
    let isUnchanged = old.map { entry == $0.entry.asUnpacked(at: path) } ?? false
    items.append(RecordedChanges.Item(entry: entry, parent: parent, isChanged: !isUnchanged))
    if let old, !touch.contains(.name) {
      return try addTouched(inside, in: path, parent: index, over: old)
    }
    if old != nil {
      items.append(
        RecordedChanges.Item(
          entry: Whiteout.opaqueDirectory(path).entry, parent: index, isChanged: true))
    }
    try addAll(in: path, parent: index)
  }

  private mutating func addFile(
    _ path: PathBytes, _ seen: SeenStatus, _ touch: FileTouch, parent: Int?,
    over below: FileTree.Node?
  ) throws {
    var item = RecordedChanges.Item(
      entry: try self.entry(path, seen), parent: parent, isChanged: true)
    item.key = seen.key
    if let below, item.entry == below.entry.asUnpacked(at: path) {
      item.isChanged = false
      let mayDiffer = item.entry.sizeInBytes > 0 && !touch.isDisjoint(with: [.content, .name])
      if mayDiffer { item.below = below.inode }
    }
    items.append(item)
  }

  private func status(of path: PathBytes) throws -> SeenStatus? {
    do throws(SystemError) {
      return try records.status(of: path, at: tree.number)
    } catch {
      if error.errno == .noSuchFile || error.errno == .notDirectory { return nil }
      throw error
    }
  }

  private func entry(_ path: PathBytes, _ seen: SeenStatus) throws -> LayerEntry {
    let number = tree.number
    return try LayerEntry(
      path: path, status: seen.status,
      attributes: attributes(of: path, seen).filter { !OverlayFormat.isReserved($0.name) },
      linkTarget: { try linkTarget(of: path, at: number) })
  }

  private func attributes(of path: PathBytes, _ seen: SeenStatus) throws -> [ExtendedAttribute] {
    // With its prefix the path of a tree may be longer than the kernel takes.
    if path.bytes.count > 4000, seen.status.kind == .regular || seen.status.kind == .directory {
      let file = try FileDescriptor.openBeneath(
        path, in: tree, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      return try records.attributes(
        ofFileAt: PathBytes("/proc/self/fd/\(file.number)"), seen, followLinks: true)
    }
    return try records.attributes(
      ofFileAt: PathBytes("/proc/self/fd/\(tree.number)").appending(path), seen)
  }
}

extension LayerEntry {
  /// As ``init(path:status:attributes:linkTarget:)`` would read it once it is unpacked.
  fileprivate func asUnpacked(at path: PathBytes) -> LayerEntry {
    var entry = self
    entry.path = path
    entry.permissions &= 0o7777
    if case .symbolicLink = kind { entry.permissions = 0o777 }
    if kind != .regular { entry.sizeInBytes = 0 }
    let canHaveOwn = kind == .regular || kind == .directory
    entry.attributes.removeAll {
      OverlayFormat.isReserved($0.name) || (!canHaveOwn && $0.name.hasPrefix("user."))
    }
    return entry
  }
}
