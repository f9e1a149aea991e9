// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Images
import Layers
import LinuxSystem
import OCI

extension StageBuilder {
  /// `COPY` and `ADD`: a layer straight from the sources; nothing is unpacked.
  func perform(_ copy: CopyStep, _ step: Step, _ id: BuildEvent.StepID) async throws -> StageLayer?
  {
    let tree = try await files.tree()
    var attributes = CopyLayout.Attributes(
      owner: nil, mode: copy.mode, impliedTime: impliedTime)
    if let owner = copy.owner { attributes.owner = try await self.owner(owner, at: step.source) }
    var layout = CopyLayout(tree: tree, attributes: attributes, at: step.source)
    let exclusion = try exclusion(copy)
    let origin = try await originFiles(copy.origin)
    var target = CopyTarget(copy.destination, in: layout)
    let originTree = try await origin?.tree()
    for source in copy.sources {
      switch source {
      case .inline(let name, let content):
        try addInline(name, content, to: &layout, target)
      case .path(let word, let range):
        let sources: any CopySources =
          if let originTree {
            TreeSources(
              tree: originTree, origin: copy.origin.description, range: range,
              exclusion: exclusion)
          } else {
            ContextSources(
              context: try context(copy.origin), range: range, exclusion: exclusion)
          }
        try add(word, of: sources, copy, to: &layout, &target, id)
      case .remote(let file, let range):
        try await add(file, copy, to: &layout, target, at: range)
      case .git(let repository, let range):
        try await add(repository, exclusion, to: &layout, target, at: range)
      }
    }
    return try await write(layout, tree, from: origin)
  }

  private func exclusion(_ copy: CopyStep) throws -> CopyExclusion {
    var rules: [PathFilter.Rule] = []
    for exclude in copy.excludes {
      do {
        rules.append(try PathFilter.Rule(exclude.pattern))
      } catch {
        throw ExecutionError.badPattern(
          pattern: exclude.pattern, problem: error.reason, at: exclude.range)
      }
    }
    return CopyExclusion(filter: PathFilter(rules))
  }

  private func addInline(
    _ name: String, _ content: [UInt8], to layout: inout CopyLayout, _ target: CopyTarget
  ) throws {
    let entry = LayerEntry(
      path: PathBytes(name), kind: .regular, permissions: 0o644,
      sizeInBytes: Int64(content.count), modified: impliedTime)
    let place = target.place(ofFile: PathBytes(name), in: layout)
    try layout.addParents(of: place)
    try layout.add(entry, content: .bytes(content), at: place)
  }

  private func add(
    _ word: String, of sources: any CopySources, _ copy: CopyStep, to layout: inout CopyLayout,
    _ target: inout CopyTarget, _ id: BuildEvent.StepID
  ) throws {
    var matches = try sources.matches(word)
    if matches.isEmpty {
      let text = "warning: no file in \(copy.origin) matches \"\(word)\"\n"
      return report(.stepOutput(id, Array(text.utf8), isError: true))
    }
    if copy.keepsParents {
      let pivot = PathBytes(Self.pivot(of: word))
      let place = target.place(in: layout)
      for path in matches { try sources.add(path, behind: pivot, to: &layout, in: place) }
      return
    }
    if copy.unpacksArchives, let sources = sources as? ContextSources {
      matches = try unpackArchives(matches, to: &layout, &target, sources)
    }
    if matches.count > 1 { target.isDirectory = true }
    for path in matches {
      let place =
        sources.isDirectory(path)
        ? target.place(in: layout) : target.place(ofFile: path.name, in: layout)
      try sources.add(path, to: &layout, at: place)
    }
  }

  /// What is before `/./`.
  private static func pivot(of word: String) -> String {
    var parts = word.split(separator: "/", omittingEmptySubsequences: false)[...]
    guard let pivot = parts.firstIndex(of: ".") else { return "" }
    parts = parts[..<pivot]
    return parts.joined(separator: "/")
  }

  func context(_ origin: FileOrigin) throws -> BuildContext {
    guard case .namedContext(let name) = origin else { return surroundings.context }
    guard let context = surroundings.contexts[name] else {
      preconditionFailure("the plan names a context nobody opened")
    }
    return context
  }

  private func owner(_ text: String, at range: SourceRange) async throws -> (UInt32, UInt32) {
    let isNumeric = text.split(separator: ":").allSatisfy { UInt32($0) != nil }
    let users = isNumeric ? UserDatabase(passwd: [], group: []) : try await users()
    let owner = try users.owner(text, at: range)
    return (owner.uid, owner.gid)
  }

  /// - Returns: Nil for a directory of the machine.
  func originFiles(_ origin: FileOrigin) async throws -> LayeredFiles? {
    let layers: [StageLayer]
    switch origin {
    case .context, .namedContext: return nil
    case .stage(let id):
      guard let result = earlier[id] else {
        preconditionFailure("the stage was started before one it copies from")
      }
      layers = result.layers
      newestInput = max(newestInput, result.newestInput)
      ranCommand = ranCommand || result.ranCommand
    case .image(let base):
      guard let resolved = surroundings.images[base.request] else {
        preconditionFailure("the plan names an image nobody resolved")
      }
      layers = resolved.layers.map { .blob($0, isOfBase: true) }
      let created = resolved.image.configuration.created.flatMap(Timestamp.seconds) ?? 0
      newestInput = max(newestInput, FileTime(seconds: created))
    }
    return LayeredFiles(
      layers: layers, unpacked: surroundings.unpacked, fetcher: surroundings.fetcher)
  }
}

extension FileOrigin: CustomStringConvertible {
  package var description: String {
    switch self {
    case .context: "the build context"
    case .namedContext(let name): "the context \"\(name)\""
    case .stage(let id): "stage \(id)"
    case .image(let base): "the image \"\(base.request.name)\""
    }
  }
}

/// The destination of a COPY: a file's name, or a directory to copy into.
struct CopyTarget {
  private let destination: PathBytes
  /// Said by a trailing slash, or by several files.
  var isDirectory: Bool

  init(_ destination: String, in layout: CopyLayout) {
    self.destination = PathBytes(destination).normalizedInRoot
    isDirectory = destination.hasSuffix("/")
  }

  /// Where a directory's content goes.
  func place(in layout: CopyLayout) -> PathBytes { layout.place(of: destination).path }

  /// Whether a file's own name is part of its place.
  func takesName(in layout: CopyLayout) -> Bool {
    isDirectory || layout.place(of: destination).isDirectory
  }

  func place(ofFile name: PathBytes, in layout: CopyLayout) -> PathBytes {
    let place = layout.place(of: destination)
    return place.isDirectory || isDirectory ? place.path.appending(name) : place.path
  }
}
