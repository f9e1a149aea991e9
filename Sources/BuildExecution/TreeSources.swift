// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Layers
import LinuxSystem

/// What COPY's source words name in another stage or image.
struct TreeSources: CopySources {
  let tree: FileTree
  let origin: String
  let range: SourceRange
  var exclusion = CopyExclusion(filter: PathFilter())

  func matches(_ word: String) throws -> [PathBytes] {
    let pattern = try sourcePattern(word, at: range)
    if let literal = pattern.literal {
      guard tree.resolve(literal).node != nil else {
        throw ExecutionError.sourceNotFound(
          pattern: word, origin: origin, excludedBy: nil, at: range)
      }
      return [literal]
    }
    var found: [PathBytes] = []
    if let start = tree.resolve(pattern.literalPrefix).node {
      search(start, pattern.literalPrefix, pattern, &found)
    }
    return found
  }

  func existing(_ path: PathBytes) throws -> PathBytes {
    guard tree.resolve(path).node != nil else { throw notFound(path) }
    return path
  }

  func entry(_ path: PathBytes) throws -> LayerEntry {
    guard var entry = tree.resolve(path).node?.entry else { throw notFound(path) }
    entry.path = ""
    return entry
  }

  private func search(
    _ node: FileTree.Node, _ directory: PathBytes, _ pattern: PathPattern,
    _ found: inout [PathBytes]
  ) {
    for child in node.sortedChildren {
      let path = directory.appending(child.name)
      if pattern.matches(path) {
        found.append(path)
      } else if pattern.canMatch(below: path) {
        search(child.node, path, pattern, &found)
      }
    }
  }

  func isDirectory(_ path: PathBytes) -> Bool { tree.resolve(path).node?.isDirectory ?? false }

  func add(_ path: PathBytes, to layout: inout CopyLayout, at target: PathBytes) throws {
    guard let node = tree.resolve(path).node else { throw notFound(path) }
    var links: [ObjectIdentifier: PathBytes] = [:]
    guard node.isDirectory else {
      if exclusion.excludes(path.name, isDirectory: false) { return }
      try layout.addParents(of: target)
      return try add(node, named: path.name, to: &layout, at: target, &links)
    }
    let inside = try layout.addTarget(target)
    for child in node.sortedChildren {
      try add(
        child.node, named: child.name, to: &layout, at: inside.appending(child.name), &links)
    }
  }

  func add(
    _ path: PathBytes, behind pivot: PathBytes, to layout: inout CopyLayout, in target: PathBytes
  ) throws {
    guard var node = tree.resolve(pivot).node else { throw notFound(pivot) }
    let relative = path.dropping(pivot.components.count)
    var links: [ObjectIdentifier: PathBytes] = [:]
    var inside = try layout.addTarget(target)
    var above = PathBytes("")
    for name in relative.components.dropLast() {
      above = above.appending(name)
      guard let child = node.children[name] else { throw notFound(path) }
      guard child.isDirectory else {
        throw ExecutionError.linkAmongParents(path: pivot.appending(above), at: range)
      }
      if exclusion.excludes(above, isDirectory: true) { return }
      inside = try layout.addDirectory(child.entry, at: inside.appending(name))
      node = child
    }
    if relative.isEmpty {
      for child in node.sortedChildren {
        try add(
          child.node, named: child.name, to: &layout, at: inside.appending(child.name), &links)
      }
      return
    }
    guard let last = node.children[relative.name] else { throw notFound(path) }
    try add(last, named: relative, to: &layout, at: inside.appending(relative.name), &links)
  }

  private func notFound(_ path: PathBytes) -> ExecutionError {
    .sourceNotFound(pattern: path.description, origin: origin, excludedBy: nil, at: range)
  }

  /// - Parameter name: What patterns of `--exclude` call it.
  private func add(
    _ node: FileTree.Node, named name: PathBytes, to layout: inout CopyLayout,
    at target: PathBytes, _ links: inout [ObjectIdentifier: PathBytes]
  ) throws {
    if exclusion.excludes(name, isDirectory: node.isDirectory) { return }
    guard !node.isDirectory else {
      let inside = try layout.addDirectory(node.entry, at: target)
      for child in node.sortedChildren {
        try add(
          child.node, named: name.appending(child.name), to: &layout,
          at: inside.appending(child.name), &links)
      }
      return
    }
    var entry = node.entry
    let identity = ObjectIdentifier(node.inode)
    if let first = links[identity], layout.items[first] != nil {
      entry.kind = .hardLink(first)
      entry.sizeInBytes = 0
      entry.attributes = []
      try layout.add(entry, content: .none, at: target)
      return
    }
    links[identity] = target
    try layout.add(
      entry, content: entry.kind == .regular ? .inode(node.inode) : .none, at: target)
  }
}
