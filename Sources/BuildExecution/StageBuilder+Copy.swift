// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Images
import Layers
import LinuxSystem
import OCI

extension StageBuilder {
  /// `COPY` and `ADD`: a layer straight from the sources; nothing is unpacked.
  func perform(_ copy: CopyStep, _ step: Step) async throws -> StageLayer? {
    let tree = try await files.tree()
    var attributes = CopyLayout.Attributes(
      owner: nil, mode: copy.mode, impliedTime: impliedTime)
    if let owner = copy.owner { attributes.owner = try await self.owner(owner, at: step.source) }
    var layout = CopyLayout(tree: tree, attributes: attributes, at: step.source)
    let origin = try await originFiles(copy.origin)
    var target = CopyTarget(copy.destination, in: layout)
    let originTree = try await origin?.tree()
    for source in copy.sources {
      switch source {
      case .inline(let name, let content):
        let entry = LayerEntry(
          path: PathBytes(name), kind: .regular, permissions: 0o644,
          sizeInBytes: Int64(content.count), modified: impliedTime)
        let place = target.place(ofFile: PathBytes(name), in: layout)
        try layout.addParents(of: place)
        try layout.add(entry, content: .bytes(content), at: place)
      case .path(let word, let range):
        if let originTree {
          let sources = TreeSources(
            tree: originTree, origin: copy.origin.description, range: range)
          try add(sources.matches(word), to: &layout, &target, sources.isDirectory, sources.add)
        } else {
          let sources = ContextSources(context: surroundings.context, range: range)
          let matches = try sources.matches(word)
          let files =
            try copy.unpacksArchives
            ? unpackArchives(matches, to: &layout, &target, sources) : matches
          try add(files, to: &layout, &target, sources.isDirectory, sources.add)
        }
      }
    }
    return try await write(layout, tree, from: origin)
  }

  private func add(
    _ matches: [PathBytes], to layout: inout CopyLayout, _ target: inout CopyTarget,
    _ isDirectory: (PathBytes) -> Bool,
    _ add: (PathBytes, inout CopyLayout, PathBytes) throws -> Void
  ) throws {
    if matches.count > 1 { target.isDirectory = true }
    for path in matches {
      let place =
        isDirectory(path) ? target.place(in: layout) : target.place(ofFile: path.name, in: layout)
      try add(path, &layout, place)
    }
  }

  private func owner(_ text: String, at range: SourceRange) async throws -> (UInt32, UInt32) {
    let isNumeric = text.split(separator: ":").allSatisfy { UInt32($0) != nil }
    let users = isNumeric ? UserDatabase(passwd: [], group: []) : try await users()
    let owner = try users.owner(text, at: range)
    return (owner.uid, owner.gid)
  }

  private func originFiles(_ origin: CopyStep.Origin) async throws -> LayeredFiles? {
    let layers: [StageLayer]
    switch origin {
    case .context: return nil
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

extension CopyStep.Origin: CustomStringConvertible {
  package var description: String {
    switch self {
    case .context: "the build context"
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

  func place(ofFile name: PathBytes, in layout: CopyLayout) -> PathBytes {
    let place = layout.place(of: destination)
    return place.isDirectory || isDirectory ? place.path.appending(name) : place.path
  }
}
