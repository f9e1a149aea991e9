// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// What a step changed, read from the upper directory of its overlay.
///
/// Entries come parents first and names in order; a directory stands before its opaque marker and
/// its content. Left out: what overlayfs copied up but nobody changed, its own attributes, sockets
/// (tar has none), and markers that hide nothing. OCI image-spec v1.1, layer.md, "Representing
/// Changes".
package struct OverlayChanges {
  private let format: OverlayFormat
  private var firstNames: [InodeKey: PathBytes] = [:]

  private struct InodeKey: Hashable {
    var device: UInt64
    var inode: UInt64
  }

  /// - Parameters:
  ///   - upper: The overlay is not mounted any more.
  ///   - lower: The directories below it, topmost first.
  /// - Returns: Entries whose content lies at their paths below `upper`.
  package static func read(upper: PathBytes, lower: [PathBytes], format: OverlayFormat) throws
    -> [LayerEntry]
  {
    var reader = OverlayChanges(format: format)
    return try reader.changes(in: PathBytes([UInt8]()), at: upper, over: lower)
  }

  /// - Parameter lower: The directories of this name that show through, topmost first.
  private mutating func changes(
    in path: PathBytes, at directory: PathBytes, over lower: [PathBytes]
  ) throws -> [LayerEntry] {
    var entries: [LayerEntry] = []
    for name in try names(inDirectory: directory) {
      let place = directory.appending(name)
      let status = try FileStatus(of: place)
      let child = path.appending(name)
      let below = lower.map { $0.appending(name) }
      if OverlayFormat.isWhiteout(status) {
        // What hides nothing is left out.
        if topmost(of: below) != nil { entries.append(Whiteout.file(child).entry) }
      } else if name.hasPrefix(Whiteout.prefix) {
        throw LayerError.reservedName(child)
      } else if status.kind == .directory {
        entries += try directoryChanges(child, status, at: place, over: below)
      } else if status.kind == .socket || status.kind == .unknown {
        // It still hides what was there.
        if topmost(of: below) != nil { entries.append(Whiteout.file(child).entry) }
      } else if let entry = try fileChange(child, status, at: place, over: below) {
        entries.append(entry)
      }
    }
    return entries
  }

  private mutating func directoryChanges(
    _ path: PathBytes, _ status: FileStatus, at place: PathBytes, over below: [PathBytes]
  ) throws -> [LayerEntry] {
    let attributes = try extendedAttributes(of: place)
    let isOpaque = attributes.contains(format.opaque)
    let visible = visibleDirectories(below)
    let entry = try self.entry(path, status, attributes, at: place)
    var inside: [LayerEntry] = []
    if isOpaque && !visible.isEmpty { inside.append(Whiteout.opaqueDirectory(path).entry) }
    inside += try changes(in: path, at: place, over: isOpaque ? [] : visible)
    if inside.isEmpty, let old = visible.first, try isUnchanged(entry, from: old) { return [] }
    return [entry] + inside
  }

  private mutating func fileChange(
    _ path: PathBytes, _ status: FileStatus, at place: PathBytes, over below: [PathBytes]
  ) throws -> LayerEntry? {
    var entry = try self.entry(path, status, extendedAttributes(of: place), at: place)
    if status.linkCount > 1 {
      let key = InodeKey(device: status.device, inode: status.inode)
      if let first = firstNames[key] {
        entry.kind = .hardLink(first)
        entry.sizeInBytes = 0
        entry.attributes = []
        return entry
      }
      firstNames[key] = path
      return entry
    }
    if let old = topmost(of: below), try isUnchanged(entry, from: old),
      try entry.kind != .regular || hasSameContent(place, old)
    {
      return nil
    }
    return entry
  }

  private func entry(
    _ path: PathBytes, _ status: FileStatus, _ attributes: [ExtendedAttribute], at place: PathBytes
  ) throws -> LayerEntry {
    try LayerEntry(
      path: path, status: status,
      attributes: attributes.filter { !OverlayFormat.isReserved($0.name) },
      linkTarget: { try linkTarget(of: place) })
  }

  /// The first of `candidates` that is there, unless a whiteout comes before it.
  private func topmost(of candidates: [PathBytes]) -> PathBytes? {
    for candidate in candidates {
      guard let status = try? FileStatus(of: candidate) else { continue }
      return OverlayFormat.isWhiteout(status) ? nil : candidate
    }
    return nil
  }

  /// The directories among `candidates` that overlayfs would merge.
  private func visibleDirectories(_ candidates: [PathBytes]) -> [PathBytes] {
    var visible: [PathBytes] = []
    for candidate in candidates {
      guard let status = try? FileStatus(of: candidate) else { continue }
      guard status.kind == .directory else { break }
      visible.append(candidate)
      let attributes = (try? extendedAttributes(of: candidate)) ?? []
      if attributes.contains(format.opaque) { break }
    }
    return visible
  }

  private func isUnchanged(_ entry: LayerEntry, from old: PathBytes) throws -> Bool {
    let status = try FileStatus(of: old)
    return try entry == self.entry(entry.path, status, extendedAttributes(of: old), at: old)
  }

  private func hasSameContent(_ a: PathBytes, _ b: PathBytes) throws -> Bool {
    let first = try FileDescriptor.open(a, flags: O_RDONLY | O_NOFOLLOW)
    let second = try FileDescriptor.open(b, flags: O_RDONLY | O_NOFOLLOW)
    let left = PieceBuffer(capacity: 256 << 10)
    let right = PieceBuffer(capacity: 256 << 10)
    while true {
      let count = try first.read(into: left.whole)
      guard try second.read(into: right.whole) == count else { return false }
      if count == 0 { return true }
      guard left.hasSameBytes(as: right, count: count) else { return false }
    }
  }
}

extension LayerEntry {
  /// What an inode on disk becomes in a layer.
  ///
  /// - Parameter linkTarget: Asked only for a symbolic link.
  package init(
    path: PathBytes, status: FileStatus, attributes: [ExtendedAttribute],
    linkTarget: () throws -> PathBytes
  ) throws {
    let kind: Kind =
      switch status.kind {
      case .directory: .directory
      case .symbolicLink: .symbolicLink(try linkTarget())
      case .characterDevice:
        .characterDevice(major: status.deviceMajor, minor: status.deviceMinor)
      case .blockDevice: .blockDevice(major: status.deviceMajor, minor: status.deviceMinor)
      case .fifo: .fifo
      case .regular, .socket, .unknown: .regular
      }
    self.init(
      path: path, kind: kind,
      permissions: status.kind == .symbolicLink ? 0o777 : status.permissions, uid: status.uid,
      gid: status.gid, sizeInBytes: kind == .regular ? status.sizeInBytes : 0,
      modified: status.modified, attributes: attributes)
  }
}
