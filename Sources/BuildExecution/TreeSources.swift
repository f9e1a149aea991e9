// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Layers
import LinuxSystem

/// What COPY's source words name in another stage or image.
struct TreeSources {
  let tree: FileTree
  let origin: String
  let range: SourceRange

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
    guard !found.isEmpty else {
      throw ExecutionError.noMatch(pattern: word, origin: origin, at: range)
    }
    return found
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
    guard let node = tree.resolve(path).node else {
      throw ExecutionError.sourceNotFound(
        pattern: path.description, origin: origin, excludedBy: nil, at: range)
    }
    var links: [ObjectIdentifier: PathBytes] = [:]
    guard node.isDirectory else {
      try layout.addParents(of: target)
      return try add(node, to: &layout, at: target, &links)
    }
    let inside = try layout.addTarget(target)
    for child in node.sortedChildren {
      try add(child.node, to: &layout, at: inside.appending(child.name), &links)
    }
  }

  private func add(
    _ node: FileTree.Node, to layout: inout CopyLayout, at target: PathBytes,
    _ links: inout [ObjectIdentifier: PathBytes]
  ) throws {
    guard !node.isDirectory else {
      let inside = try layout.addDirectory(node.entry, at: target)
      for child in node.sortedChildren {
        try add(child.node, to: &layout, at: inside.appending(child.name), &links)
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
