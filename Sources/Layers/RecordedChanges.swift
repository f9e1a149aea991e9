// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles

/// What a command changed in a recorded tree, found by the paths it touched; nothing else of the tree
/// is looked at.
///
/// The entries are those that ``OverlayChanges`` finds after the same command on an overlay: layers
/// must not depend on the sandbox. For that a file that the command gives another name is touched
/// under its old one as well, and one with several names that is older than the command is parted
/// from them before anything about it changes, as overlayfs does.
package struct RecordedChanges {
  /// A file of which all but the content was compared with what it was.
  package struct Undecided {
    package var path: PathBytes
    /// What the layers below have there.
    package var below: FileTree.Inode
  }

  struct Item {
    var entry: LayerEntry
    /// The position of its directory; nil for those at the top.
    var parent: Int?
    /// A directory that did not change is kept for what is in it.
    var isChanged: Bool
    var below: FileTree.Inode?
    /// Of a file that may have several names here.
    var key: FileKey?
  }

  private var items: [Item]

  /// - Parameters:
  ///   - tree: As the command left it; nobody changes it meanwhile.
  ///   - below: The layers the command started from.
  /// - Throws: ``LayerError/reservedName(_:)`` among others.
  package static func read(
    tree: PathBytes, records: FileRecords, touched: TouchedPaths, below: FileTree
  ) throws -> RecordedChanges {
    var reader = RecordedChangesReader(
      tree: try FileDescriptor.open(tree, flags: O_RDONLY | O_DIRECTORY), records: records,
      touched: touched.sorted)
    var changes = RecordedChanges(items: try reader.items(over: below))
    changes.findHardLinks()
    return changes
  }

  /// Files that were written to and look as before; see ``entries(unchanged:)``.
  package var undecided: [Undecided] {
    items.compactMap { item in
      item.isChanged ? nil : item.below.map { Undecided(path: item.entry.path, below: $0) }
    }
  }

  /// The change set: parents first, names in order.
  ///
  /// - Parameter unchanged: The paths of those among ``undecided`` that have their old content.
  package func entries(unchanged: Set<PathBytes>) -> [LayerEntry] {
    var isListed = items.map { item in
      item.isChanged || (item.below != nil && !unchanged.contains(item.entry.path))
    }
    for index in items.indices.reversed() where isListed[index] {
      if let parent = items[index].parent { isListed[parent] = true }
    }
    return items.indices.filter { isListed[$0] }.map { items[$0].entry }
  }

  // MARK: - Hard links

  /// An inode with several names in the change set is listed under each, the first as the file.
  ///
  /// Names outside of it do not count: on an overlay they belong to another copy of the file.
  private mutating func findHardLinks() {
    var names: [FileKey: [Int]] = [:]
    for (index, item) in items.enumerated() {
      if let key = item.key { names[key, default: []].append(index) }
    }
    for indices in names.values where indices.count > 1 {
      let first = items[indices[0]].entry.path
      for index in indices {
        items[index].isChanged = true
        if index == indices[0] { continue }
        items[index].entry.kind = .hardLink(first)
        items[index].entry.sizeInBytes = 0
        items[index].entry.attributes = []
      }
    }
  }
}
