// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import Layers
import LinuxSystem

/// What COPY's source words name in the build context.
struct ContextSources: CopySources {
  let context: BuildContext
  let range: SourceRange
  var exclusion = CopyExclusion(filter: PathFilter())

  func matches(_ word: String) throws -> [PathBytes] {
    let pattern = try sourcePattern(word, at: range)
    if let literal = pattern.literal { return [try existing(literal, as: word)] }
    var found: [PathBytes] = []
    try search(pattern.literalPrefix, pattern, &found)
    return found
  }

  func existing(_ path: PathBytes) throws -> PathBytes {
    try existing(path, as: path.description)
  }

  func entry(_ path: PathBytes) throws -> LayerEntry {
    let place = try place(of: path)
    var entry = try entry(place, try context.status(of: place))
    entry.path = ""
    return entry
  }

  private func existing(_ path: PathBytes, as word: String) throws -> PathBytes {
    if let exclusion = exclusion(of: path) {
      throw ExecutionError.sourceNotFound(
        pattern: word, origin: context.description, excludedBy: exclusion, at: range)
    }
    _ = try place(of: path)
    return path
  }

  /// Where a source leads, a link at its end followed.
  ///
  /// What the ignore file leaves out is not there for links either.
  func place(of path: PathBytes) throws -> PathBytes {
    guard let place = context.resolve(path) else {
      guard (try? context.status(of: path)) == nil else {
        throw ExecutionError.danglingSource(pattern: path.description, at: range)
      }
      throw ExecutionError.sourceNotFound(
        pattern: path.description, origin: context.description, excludedBy: nil, at: range)
    }
    if place != path, let exclusion = exclusion(of: place) {
      throw ExecutionError.sourceNotFound(
        pattern: path.description, origin: context.description, excludedBy: exclusion, at: range)
    }
    return place
  }

  /// What leaves `path` out, itself and all that is below it.
  private func exclusion(of path: PathBytes) -> ExecutionError.Exclusion? {
    guard !path.isEmpty, let rule = context.filter.excludingPattern(of: path),
      !hasIncluded(below: path)
    else { return nil }
    return ExecutionError.Exclusion(rule: rule, path: path)
  }

  /// Adds what matches in `directory` and below; what lies below a match comes with it.
  private func search(
    _ directory: PathBytes, _ pattern: PathPattern, _ found: inout [PathBytes]
  ) throws {
    guard let place = context.resolve(directory),
      (try? context.status(of: place).kind) == .directory
    else { return }
    for name in try context.names(in: place) {
      let path = directory.appending(name)
      if pattern.matches(path) {
        if exclusion(of: path) == nil, exclusion(of: place.appending(name)) == nil {
          found.append(path)
        }
      } else if pattern.canMatch(below: path), context.filter.mayInclude(below: path) {
        try search(path, pattern, &found)
      }
    }
  }

  func add(_ path: PathBytes, to layout: inout CopyLayout, at target: PathBytes) throws {
    let place = try place(of: path)
    var links: [LinkKey: PathBytes] = [:]
    let status = try context.status(of: place)
    if status.kind == .directory {
      let inside = try layout.addTarget(target)
      try addContent(of: place, named: PathBytes(""), to: &layout, in: inside, &links)
    } else if !exclusion.excludes(path.name, isDirectory: false) {
      try layout.addParents(of: target)
      try addFile(place, status, to: &layout, at: target, &links)
    }
  }

  func add(
    _ path: PathBytes, behind pivot: PathBytes, to layout: inout CopyLayout, in target: PathBytes
  ) throws {
    let root = try place(of: pivot)
    let relative = path.dropping(pivot.components.count)
    var links: [LinkKey: PathBytes] = [:]
    var inside = try layout.addTarget(target)
    var above = PathBytes("")
    for name in relative.components {
      above = above.appending(name)
      let place = root.appending(above)
      guard let status = try? context.status(of: place) else {
        throw ExecutionError.sourceNotFound(
          pattern: path.description, origin: context.description, excludedBy: nil, at: range)
      }
      if exclusion.excludes(above, isDirectory: status.kind == .directory) { return }
      guard status.kind == .directory else {
        guard above == relative else {
          throw ExecutionError.linkAmongParents(path: place, at: range)
        }
        return try addFile(place, status, to: &layout, at: inside.appending(name), &links)
      }
      inside = try layout.addDirectory(try entry(place, status), at: inside.appending(name))
    }
    try addContent(of: root.appending(relative), named: relative, to: &layout, in: inside, &links)
  }

  func isDirectory(_ path: PathBytes) -> Bool {
    guard let place = context.resolve(path) else { return false }
    return (try? context.status(of: place).kind) == .directory
  }

  /// - Parameter name: What patterns of `--exclude` call the directory.
  private func addContent(
    of directory: PathBytes, named name: PathBytes, to layout: inout CopyLayout,
    in target: PathBytes, _ links: inout [LinkKey: PathBytes]
  ) throws {
    for child in try context.names(in: directory) {
      let place = directory.appending(child)
      // An excluded directory comes only with what is taken back in from it.
      guard exclusion(of: place) == nil else { continue }
      let status = try context.status(of: place)
      let path = name.appending(child)
      if exclusion.excludes(path, isDirectory: status.kind == .directory) { continue }
      if status.kind == .directory {
        let inside = try layout.addDirectory(
          try entry(place, status), at: target.appending(child))
        try addContent(of: place, named: path, to: &layout, in: inside, &links)
      } else {
        try addFile(place, status, to: &layout, at: target.appending(child), &links)
      }
    }
  }

  private func hasIncluded(below directory: PathBytes) -> Bool {
    guard context.filter.mayInclude(below: directory),
      let children = try? context.names(in: directory)
    else { return false }
    return children.contains { child in
      let place = directory.appending(child)
      return !context.filter.excludes(place) || hasIncluded(below: place)
    }
  }

  private func addFile(
    _ place: PathBytes, _ status: FileStatus, to layout: inout CopyLayout, at target: PathBytes,
    _ links: inout [LinkKey: PathBytes]
  ) throws {
    // A socket is an address, not a file; builders leave it behind.
    if status.kind == .socket { return }
    var entry = try entry(place, status)
    if status.kind == .regular, status.linkCount > 1 {
      let key = LinkKey(device: status.device, inode: status.inode)
      if let first = links[key], layout.items[first] != nil {
        entry.kind = .hardLink(first)
        entry.sizeInBytes = 0
        entry.attributes = []
        try layout.add(entry, content: .none, at: target)
        return
      }
      links[key] = target
    }
    try layout.add(
      entry, content: status.kind == .regular ? .context(place, context) : .none, at: target)
  }

  /// Files of a context belong to root, whoever checked them out.
  private func entry(_ place: PathBytes, _ status: FileStatus) throws -> LayerEntry {
    var entry = try LayerEntry(
      path: place, status: status, attributes: try context.attributes(of: place),
      linkTarget: { try context.target(ofLink: place) })
    (entry.uid, entry.gid) = (0, 0)
    return entry
  }
}
