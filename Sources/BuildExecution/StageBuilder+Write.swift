// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem

extension StageBuilder {
  /// Writes what a layout decided: directories first, then files as their sources have them, hard
  /// links last; each group in the order of the paths' bytes.
  ///
  /// - Parameter origin: The files that inode contents are read from.
  func write(_ layout: CopyLayout, _ tree: FileTree, from origin: LayeredFiles?) async throws
    -> StageLayer?
  {
    let items = layout.items.values.sorted { $0.entry.path < $1.entry.path }
    guard !items.isEmpty else { return nil }
    return try await writeLayer(tree) { layer in
      var parents = ParentEntries(tree: tree)
      for item in items where item.entry.isDirectory {
        try parents.add(above: item.entry.path, to: &layer)
        try place(item.entry, tree)
        try layer.add(item.entry)
        parents.isNamed(item.entry.path)
      }
      for item in items where !item.entry.isDirectory {
        try parents.add(above: item.entry.path, to: &layer)
      }
      for item in items { try writeLocal(item, tree, &layer) }
      try await writeInodes(items, from: origin, tree, &layer)
      try writeArchived(items, tree, &layer)
      for item in items {
        guard case .hardLink = item.entry.kind else { continue }
        try place(item.entry, tree)
        try layer.add(item.entry)
      }
    }
  }

  private func place(_ entry: LayerEntry, _ tree: FileTree) throws {
    newestInput = max(newestInput, entry.modified)
    try tree.apply(entry)
  }

  /// What is at hand: no content, bytes, or a file of the context.
  private func writeLocal(
    _ item: CopyItem, _ tree: FileTree, _ layer: inout LayerWriter<BlobSink>
  ) throws {
    if item.entry.isDirectory { return }
    if case .hardLink = item.entry.kind { return }
    switch item.content {
    case .inode, .archived: return
    case .none:
      try place(item.entry, tree)
      try layer.add(item.entry)
    case .bytes(let bytes):
      try place(item.entry, tree)
      try layer.add(item.entry, bytes: bytes)
    case .context(let path, let context):
      try place(item.entry, tree)
      try layer.add(item.entry, content: try context.open(path))
    case .fetched(let path):
      try place(item.entry, tree)
      try layer.add(item.entry, content: try FileDescriptor.open(path))
    }
  }

  /// Files of another stage or image, each of its layers read once; of files whose content is the
  /// same inode, each gets a copy.
  private func writeInodes(
    _ items: [CopyItem], from origin: LayeredFiles?, _ tree: FileTree,
    _ layer: inout LayerWriter<BlobSink>
  ) async throws {
    guard let origin else { return }
    var wanted: [ObjectIdentifier: [LayerEntry]] = [:]
    var inodes: [FileTree.Inode] = []
    for item in items {
      guard case .inode(let inode) = item.content, item.entry.kind == .regular else { continue }
      if wanted[ObjectIdentifier(inode)] == nil { inodes.append(inode) }
      wanted[ObjectIdentifier(inode), default: []].append(item.entry)
    }
    // The same content under several names that are no links: read again for each.
    while !wanted.isEmpty {
      let round = inodes.filter { wanted[ObjectIdentifier($0)] != nil }
      try await origin.forEachContent(of: round) { inode, pieces in
        let key = ObjectIdentifier(inode)
        guard var entries = wanted.removeValue(forKey: key), let entry = entries.popLast() else {
          return
        }
        if !entries.isEmpty { wanted[key] = entries }
        try place(entry, tree)
        try layer.add(entry, produce: pieces)
      }
    }
  }
}

/// Names the directories above each entry, once, as the tree has them: unpackers that look at a
/// layer alone would make them anew with other owners and modes.
private struct ParentEntries {
  let tree: FileTree
  private var named: Set<PathBytes> = []

  init(tree: FileTree) { self.tree = tree }

  mutating func isNamed(_ path: PathBytes) { named.insert(path) }

  mutating func add(above path: PathBytes, to layer: inout LayerWriter<BlobSink>) throws {
    let parent = path.parent
    guard !parent.isEmpty, !named.contains(parent) else { return }
    try add(above: parent, to: &layer)
    guard let node = tree.resolve(parent, followLast: false).node else {
      throw LayerError.notADirectory(parent)
    }
    var entry = node.entry
    entry.path = parent
    try tree.apply(entry)
    try layer.add(entry)
    named.insert(parent)
  }
}
