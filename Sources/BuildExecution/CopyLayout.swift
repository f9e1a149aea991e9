// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Layers
import LinuxSystem

/// Decides where each file of a COPY lands and what it will be, from the tree it lands in.
///
/// The destination, when it exists, keeps its mode and owner; a missing directory on the way is made
/// 0755, or what `--chmod` makes of that, for the owner of the copy. What lies below becomes like the sources, later ones win.
struct CopyLayout {
  /// What `--chown` and `--chmod` say, and the time of what nobody gave one.
  struct Attributes {
    /// Nil keeps what the source has.
    var owner: (uid: UInt32, gid: UInt32)?
    var mode: FileMode?
    var impliedTime: FileTime
  }

  private let tree: FileTree
  private let attributes: Attributes
  private let range: SourceRange
  /// By place in the image.
  private(set) var items: [PathBytes: CopyItem] = [:]

  init(tree: FileTree, attributes: Attributes, at range: SourceRange) {
    self.tree = tree
    self.attributes = attributes
    self.range = range
  }

  /// Where the destination of the instruction leads, a link at its end followed too.
  ///
  /// - Returns: A place without links on its way, and whether a directory is there already.
  func place(of destination: PathBytes) -> (path: PathBytes, isDirectory: Bool) {
    let place = followed(destination)
    return (place, kind(at: place) == .directory)
  }

  private static var mostLinks: Int { 40 }

  /// Where a path leads when links are followed, those of this copy as well as those of the tree.
  func followed(_ path: PathBytes) -> PathBytes {
    var rest = Array(path.components.reversed())
    var names: [PathBytes] = []
    var links = 0
    while let name = rest.popLast() {
      if name == ".." {
        _ = names.popLast()
      } else if links < Self.mostLinks,
        case .symbolicLink(let target) = kind(at: PathBytes(joining: names + [name]))
      {
        links += 1
        if target.isAbsolute { names = [] }
        rest.append(contentsOf: target.components.reversed())
      } else {
        names.append(name)
      }
    }
    return PathBytes(joining: names)
  }

  /// - Parameter place: Without links on its way.
  private func kind(at place: PathBytes) -> LayerEntry.Kind? {
    if place.isEmpty { return .directory }
    return items[place]?.entry.kind ?? tree.resolve(place, followLast: false).node?.entry.kind
  }

  /// Makes sure that there is a directory at `path`, for the content of another one: when it is
  /// made, it is not like that one, but like any directory on the way.
  ///
  /// - Returns: The place the content goes to.
  mutating func addTarget(_ path: PathBytes) throws -> PathBytes {
    if path.isEmpty { return path }
    try addParents(of: path.appending("."))
    return path
  }

  /// Adds a directory of a copied tree at `path` and gives the place its content goes to.
  ///
  /// A directory that is there becomes like the one that is copied; behind a link it stays as it is.
  ///
  /// - Parameter path: Its parents are in place.
  mutating func addDirectory(_ source: LayerEntry, at path: PathBytes) throws -> PathBytes {
    if path.isEmpty { return path }
    switch kind(at: path) {
    case nil, .directory:
      try insert(CopyItem(entry: adjusted(source, at: path), content: .none))
      return path
    default:
      let place = place(of: path)
      guard place.isDirectory else {
        throw ExecutionError.destinationIsNotADirectory(path, at: range)
      }
      return place.path
    }
  }

  /// Adds anything but a directory at `path`.
  mutating func add(_ source: LayerEntry, content: CopyItem.Content, at path: PathBytes) throws {
    guard kind(at: path) != .directory else {
      throw ExecutionError.destinationIsADirectory(path, at: range)
    }
    try insert(CopyItem(entry: adjusted(source, at: path), content: content))
  }

  /// Makes the directories above `path` that are missing; they belong to the copy's owner.
  mutating func addParents(of path: PathBytes) throws {
    let parent = path.parent
    if let kind = kind(at: parent) {
      guard kind == .directory else {
        throw ExecutionError.destinationIsNotADirectory(parent, at: range)
      }
      return
    }
    try addParents(of: parent)
    var made = LayerEntry.implicitDirectory(parent, modified: attributes.impliedTime)
    (made.uid, made.gid) = attributes.owner ?? (0, 0)
    if let mode = attributes.mode {
      made.permissions = mode.applied(to: made.permissions, isDirectory: true)
    }
    try insert(CopyItem(entry: made, content: .none))
  }

  private mutating func insert(_ item: CopyItem) throws {
    let path = item.entry.path
    guard !path.name.hasPrefix(Whiteout.prefix) else {
      throw ExecutionError.reservedName(path, at: range)
    }
    items[path] = item
  }

  private func adjusted(_ source: LayerEntry, at path: PathBytes) -> LayerEntry {
    var entry = source
    entry.path = path
    if let owner = attributes.owner {
      (entry.uid, entry.gid) = owner
      // As chown(2) does for anybody: a new owner is not handed the old one's powers.
      if entry.kind == .regular {
        entry.permissions &= ~0o4000
        if entry.permissions & 0o010 != 0 { entry.permissions &= ~0o2000 }
        entry.attributes.removeAll { $0.name == "security.capability" }
      }
    }
    if let mode = attributes.mode {
      if case .symbolicLink = entry.kind {
      } else {
        entry.permissions = mode.applied(
          to: entry.permissions, isDirectory: entry.isDirectory)
      }
    }
    return entry
  }
}
