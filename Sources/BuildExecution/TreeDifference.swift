// SPDX-License-Identifier: Apache-2.0

import Layers
import LinuxSystem

/// What must be put on one tree to get another, as the entries of one layer.
struct TreeDifference {
  /// Whiteouts, directories and all else without content; parents first.
  private(set) var plain: [LayerEntry] = []
  /// Regular files, by their first names.
  private(set) var files: [FileTree.Inode] = []
  /// Their other names.
  private(set) var links: [LayerEntry] = []
  private var names: [ObjectIdentifier: PathBytes] = [:]
  private let base: Int

  /// - Parameter base: How many of the layers of `after` are those of `before`.
  init(from before: FileTree, to after: FileTree, above base: Int) {
    self.base = base
    visit(after.root, before.root, PathBytes([UInt8]()))
  }

  private var count: Int { plain.count + files.count + links.count }

  /// - Parameter old: The directory of the same place before, if there was one.
  private mutating func visit(_ node: FileTree.Node, _ old: FileTree.Node?, _ path: PathBytes) {
    for (name, _) in old?.sortedChildren ?? [] where node.children[name] == nil {
      plain.append(Whiteout.file(path.appending(name)).entry)
    }
    for (name, child) in node.sortedChildren {
      let below = old?.children[name]
      if child.isDirectory {
        addDirectory(child, over: below, at: path.appending(name))
      } else if child.layer >= base {
        add(child, at: path.appending(name))
      }
    }
  }

  private mutating func addDirectory(
    _ node: FileTree.Node, over old: FileTree.Node?, at path: PathBytes
  ) {
    var entry = node.entry
    entry.path = path
    let place = plain.count
    let before = count
    let directory = old.flatMap { $0.isDirectory ? $0 : nil }
    visit(node, directory, path)
    if directory == nil || node.inode.layer >= base || count > before {
      plain.insert(entry, at: place)
    }
  }

  private mutating func add(_ node: FileTree.Node, at path: PathBytes) {
    var entry = node.entry
    entry.path = path
    let identity = ObjectIdentifier(node.inode)
    if let first = names[identity] {
      entry.kind = .hardLink(first)
      entry.sizeInBytes = 0
      entry.attributes = []
      links.append(entry)
      return
    }
    names[identity] = path
    if entry.kind == .regular { files.append(node.inode) } else { plain.append(entry) }
  }
}
