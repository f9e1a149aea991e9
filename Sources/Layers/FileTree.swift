// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The files of a stack of layers, as a container would see them: metadata only, no content.
///
/// Built by applying entries layer by layer, lowest first. An entry below a symbolic link lands
/// where the link points; directories nobody named are 0755 and root's.
package final class FileTree {
  /// A file: what its entry says, and which layer holds its content.
  package final class Inode {
    package fileprivate(set) var entry: LayerEntry
    /// Of the layer, from 0.
    package let layer: Int
    /// The position of the entry among those of its layer, which finds its content again.
    package let ordinal: Int

    init(entry: LayerEntry, layer: Int, ordinal: Int) {
      self.entry = entry
      self.layer = layer
      self.ordinal = ordinal
    }
  }

  /// A name for an inode. Hard links are nodes that share one.
  package final class Node {
    package fileprivate(set) var inode: Inode
    package fileprivate(set) var children: [PathBytes: Node] = [:]
    /// Which layer gave the name: above the inode's for a hard link to a lower layer's file.
    package fileprivate(set) var layer: Int

    init(_ inode: Inode, layer: Int) {
      self.inode = inode
      self.layer = layer
    }

    package var entry: LayerEntry { inode.entry }
    package var isDirectory: Bool { inode.entry.isDirectory }
    package var sortedChildren: [(name: PathBytes, node: Node)] {
      children.map { (name: $0.key, node: $0.value) }.sorted { $0.name < $1.name }
    }
  }

  package let root: Node
  /// The layer that ``apply(_:)`` adds to.
  package private(set) var layer = -1
  private var ordinal = 0

  package init() {
    root = Node(
      Inode(
        entry: .implicitDirectory(PathBytes([UInt8]()), modified: FileTime(seconds: 0)),
        layer: -1, ordinal: -1), layer: -1)
  }

  /// What follows belongs to a layer above all before.
  package func beginLayer() {
    layer += 1
    ordinal = 0
  }

  /// What an entry came to.
  package enum Change: Equatable {
    /// It stands at this path, which has no symbolic link on its way.
    case placed(PathBytes)
    /// What lower layers had at this path is gone; false when they had nothing.
    case removed(PathBytes, hadLower: Bool)
    /// What lower layers had in this directory is gone.
    case emptied(PathBytes)
  }

  /// Applies the next entry of the current layer.
  ///
  /// - Throws: ``LayerError``: a hard link to nothing or to itself, an entry below a file, or a path
  ///   longer than the kernel takes.
  @discardableResult
  package func apply(_ entry: LayerEntry) throws -> Change {
    defer { ordinal += 1 }
    switch try Whiteout(entryPath: entry.path) {
    case .file(let path): return try remove(path)
    case .opaqueDirectory(let path): return try empty(path)
    case nil: return .placed(try place(entry))
    }
  }

  private func place(_ entry: LayerEntry) throws -> PathBytes {
    guard !entry.path.isEmpty else {
      guard entry.isDirectory else { throw LayerError.notADirectory("/") }
      root.inode = Inode(entry: entry, layer: layer, ordinal: ordinal)
      return entry.path
    }
    let parent = try makeDirectory(entry.path.parent, time: entry.modified)
    let path = parent.path.appending(entry.path.name)
    try Self.checkLength(path)
    var placed = entry
    placed.path = path
    let inode: Inode
    if case .hardLink(let target) = entry.kind {
      let found = resolve(target, followLast: false)
      guard let node = found.node, !node.isDirectory, found.path != path else {
        throw LayerError.missingHardLinkTarget(entry.path, target: target)
      }
      inode = node.inode
    } else {
      inode = Inode(entry: placed, layer: layer, ordinal: ordinal)
    }
    if let old = parent.node.children[path.name], old.isDirectory, placed.isDirectory {
      (old.inode, old.layer) = (inode, layer)
    } else {
      parent.node.children[path.name] = Node(inode, layer: layer)
    }
    return path
  }

  /// A whiteout hides what lower layers have, never what its own layer brings.
  private func remove(_ path: PathBytes) throws -> Change {
    let found = resolve(path, followLast: false)
    guard let node = found.node, let parent = found.parent else {
      return .removed(found.path, hadLower: false)
    }
    if node.layer < layer && !holdsCurrentLayer(node) {
      parent.children[path.name] = nil
    } else {
      dropLower(below: node)
    }
    return .removed(found.path, hadLower: true)
  }

  private func empty(_ path: PathBytes) throws -> Change {
    let directory = try makeDirectory(path, time: FileTime(seconds: 0))
    dropLower(below: directory.node)
    return .emptied(directory.path)
  }

  private func holdsCurrentLayer(_ node: Node) -> Bool {
    node.children.values.contains { $0.layer == layer || holdsCurrentLayer($0) }
  }

  private func dropLower(below node: Node) {
    for (name, child) in node.children {
      if child.layer == layer || holdsCurrentLayer(child) {
        dropLower(below: child)
      } else {
        node.children[name] = nil
      }
    }
  }

  /// The directory at `path`, made where it is missing.
  private func makeDirectory(_ path: PathBytes, time: FileTime) throws -> (
    path: PathBytes, node: Node
  ) {
    let found = resolve(path, followLast: true)
    try Self.checkLength(found.path)
    if let node = found.node {
      guard node.isDirectory else { throw LayerError.notADirectory(found.path) }
      return (found.path, node)
    }
    var node = root
    var at = PathBytes([UInt8]())
    for name in found.path.components {
      at = at.appending(name)
      if let child = node.children[name] {
        guard child.isDirectory else { throw LayerError.notADirectory(at) }
        node = child
        continue
      }
      let made = Node(
        Inode(entry: .implicitDirectory(at, modified: time), layer: layer, ordinal: -1),
        layer: layer)
      node.children[name] = made
      node = made
    }
    return (at, node)
  }

  /// Links in the way can make a path longer than its entry's name.
  private static func checkLength(_ path: PathBytes) throws {
    guard path.bytes.count <= LayerEntry.longestPath else { throw LayerError.pathTooLong(path) }
  }
}

extension FileTree {
  /// Where a path leads.
  package struct Resolution {
    /// Without symbolic links on its way (the last part may be one when it is not followed).
    package var path: PathBytes
    /// Absent when nothing is there.
    package var node: Node?
    /// The directory of `node`; absent for the root, or when it is missing itself.
    package var parent: Node?
  }

  private static var mostLinks: Int { 40 }

  /// Resolves a path as the kernel would with this tree as its root: `..` stops at the root,
  /// absolute links start there. A link that leads nowhere, or in circles, resolves to a path
  /// without node.
  package func resolve(_ path: PathBytes, followLast: Bool = true) -> Resolution {
    var rest = Array(path.components.reversed())
    var nodes: [Node] = [root]
    var names: [PathBytes] = []
    var links = 0
    while let part = rest.popLast() {
      if part == ".." {
        if !names.isEmpty {
          names.removeLast()
          if nodes.count > names.count + 1 { nodes.removeLast() }
        }
        continue
      }
      let isKnown = nodes.count == names.count + 1
      let child = isKnown ? nodes[names.count].children[part] : nil
      if let child, case .symbolicLink(let target) = child.entry.kind,
        followLast || !rest.isEmpty
      {
        links += 1
        guard links <= Self.mostLinks else {
          // The kernel's ELOOP: nothing is there, neither for what is left of the path.
          return Resolution(
            path: PathBytes(joining: names + [part] + rest.reversed()), node: nil, parent: nil)
        }
        if target.isAbsolute {
          names.removeAll()
          nodes = [root]
        }
        rest.append(contentsOf: target.components.reversed())
        continue
      }
      names.append(part)
      if let child { nodes.append(child) }
    }
    let isFound = nodes.count == names.count + 1
    return Resolution(
      path: PathBytes(joining: names), node: isFound ? nodes[names.count] : nil,
      parent: names.isEmpty || nodes.count < names.count ? nil : nodes[names.count - 1])
  }

  /// Calls `body` for `node` and all below it, parents first, names in order; paths are relative
  /// to `node`, empty for itself.
  package func forEach(below node: Node, _ body: (PathBytes, Node) throws -> Void) rethrows {
    try visit(node, at: PathBytes([UInt8]()), body)
  }

  private func visit(
    _ node: Node, at path: PathBytes, _ body: (PathBytes, Node) throws -> Void
  ) rethrows {
    try body(path, node)
    for child in node.sortedChildren {
      try visit(child.node, at: path.appending(child.name), body)
    }
  }
}
