// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Layers
import LinuxSystem
import OCI
import TestSupport

@testable import BuildExecution
@testable import Images

let somewhere = SourceRange(line: 2, columns: 6..<9)

/// A build context, a store and images of their own, for plans made of values.
final class Bench {
  let folder: TemporaryDirectory
  let store: ContentStore
  let fetcher: BlobFetcher
  let unpacked: UnpackedLayers
  let compression = WorkerThreads(count: 2)
  var filter = PathFilter()
  private var images: [BaseImageRequest: ResolvedImage] = [:]

  init() throws {
    folder = try TemporaryDirectory()
    try makeDirectory(folder.path.appending("context"))
    store = try ContentStore(directory: folder.path.appending("store"))
    fetcher = BlobFetcher(store: store)
    unpacked = try UnpackedLayers(fetcher: fetcher, format: .user)
  }

  var context: PathBytes { folder.path.appending("context") }

  func surroundings() throws -> Executor.Surroundings {
    Executor.Surroundings(
      context: try BuildContext(directory: context, filter: filter), images: images,
      fetcher: fetcher, unpacked: unpacked, sandbox: .none(reason: "a test", help: ""),
      compression: compression)
  }

  func run(
    _ stages: Stage..., options: ExecutionOptions = ExecutionOptions(),
    report: @escaping @Sendable (BuildEvent) -> Void = { _ in }
  ) async throws -> BuiltImage {
    let plan = BuildPlan(stages: stages, target: stages[stages.count - 1].id)
    return try await Executor(try surroundings(), options: options, report: report).run(plan)[0]
  }

  // MARK: - What is there before

  func file(_ name: String, _ text: String = "", mode: UInt32 = 0o644, time: Int64 = 100) throws {
    let path = context.appending(name)
    try makeDirectories(path.parent)
    try folder.write("context/" + name, text)
    try setMode(path, mode)
    try setTime(path, time)
  }

  func directory(_ name: String, mode: UInt32 = 0o755) throws {
    try makeDirectories(context.appending(name))
    try setMode(context.appending(name), mode)
  }

  func link(_ name: String, to target: String) throws {
    _ = try folder.symbolicLink("context/" + name, to: PathBytes(target))
  }

  /// A layer blob of these files.
  func layer(_ files: [TarFile]) throws -> LayerReference {
    var writer = try LayerBlobWriter(to: store, compressingOn: compression, .ofInputs)
    for file in files { try writer.layer.add(file.entry, bytes: Array(file.content.utf8)) }
    return try writer.finish().reference
  }

  /// The same as an archive in the context.
  func archive(_ name: String, _ files: [TarFile]) throws {
    let bytes = try store.bytes(of: try layer(files).descriptor.digest)
    try file(name)
    try FileDescriptor.open(context.appending(name), flags: 1).writeAll(bytes)
  }

  /// An image with a layer for each list.
  func image(_ name: String, _ layers: [TarFile]..., created: String? = nil) throws -> BaseImage {
    let references = try layers.map(layer)
    var configuration = ImageConfiguration(platform: .host)
    configuration.created = created
    configuration.diffIDs = references.map(\.diffID)
    configuration.history = references.map { _ in
      ImageConfiguration.History(created: created, createdBy: "base", emptyLayer: false)
    }
    let image = try Image(
      configuration: configuration, layers: references.map(\.descriptor), format: .oci)
    let request = BaseImageRequest(name: name, platform: .host, source: somewhere)
    images[request] = ResolvedImage(image: image, layers: references, nameDigest: image.digest)
    return BaseImage(request: request, digest: image.digest, configuration: configuration)
  }

  // MARK: - What comes of it

  func files(in layer: LayerReference) throws -> [String] {
    var reader = TarReader(
      DecompressingSource(FileSource(try store.open(layer.descriptor.digest))))
    var lines: [String] = []
    while let entry = try reader.next() {
      var content: [UInt8] = []
      if entry.kind == .regular { try reader.forEachPiece { content += $0 } }
      lines.append(line(of: entry, content: String(decoding: content, as: UTF8.self)))
    }
    return lines
  }

  /// Of the topmost layer.
  func files(in image: BuiltImage) throws -> [String] {
    guard let top = image.layers.last else { return [] }
    return try files(in: top)
  }

  /// What this process left in the store's scratch.
  func leftovers() throws -> [String] {
    try names(inDirectory: store.scratch).map(\.description)
  }
}

struct TarFile {
  var entry: LayerEntry
  var content: String

  static func file(
    _ path: PathBytes, _ content: String = "", mode: UInt32 = 0o644,
    owner: (UInt32, UInt32) = (0, 0), time: Int64 = 100
  ) -> TarFile {
    TarFile(
      entry: LayerEntry(
        path: path, kind: .regular, permissions: mode, uid: owner.0, gid: owner.1,
        modified: FileTime(seconds: time)), content: content)
  }

  static func directory(
    _ path: PathBytes, mode: UInt32 = 0o755, owner: (UInt32, UInt32) = (0, 0)
  ) -> TarFile {
    TarFile(
      entry: LayerEntry(
        path: path, kind: .directory, permissions: mode, uid: owner.0, gid: owner.1,
        modified: FileTime(seconds: 100)), content: "")
  }

  static func special(_ path: PathBytes, _ kind: LayerEntry.Kind) -> TarFile {
    TarFile(
      entry: LayerEntry(
        path: path, kind: kind, permissions: 0o777, modified: FileTime(seconds: 100)),
      content: "")
  }
}

/// `d 0755 0:0 etc`, `- 0644 0:0 etc/name "content"`, `l bin -> usr/bin`, `h b => a`.
func line(of entry: LayerEntry, content: String = "") -> String {
  let octal = String(entry.permissions, radix: 8)
  let mode = String(repeating: "0", count: max(0, 4 - octal.count)) + octal
  let what = "\(mode) \(entry.uid):\(entry.gid) \(entry.path)"
  return switch entry.kind {
  case .regular: content.isEmpty ? "- \(what)" : "- \(what) \"\(content)\""
  case .directory: "d \(what)"
  case .symbolicLink(let target): "l \(entry.path) -> \(target)"
  case .hardLink(let target): "h \(entry.path) => \(target)"
  case .characterDevice(let major, let minor): "c \(what) \(major),\(minor)"
  case .blockDevice(let major, let minor): "b \(what) \(major),\(minor)"
  case .fifo: "p \(what)"
  }
}

func stage(on base: Stage.Base = .scratch, _ steps: Step...) -> Stage {
  stage(0, on: base, steps)
}

func stage(_ index: Int, on base: Stage.Base = .scratch, _ steps: Step...) -> Stage {
  stage(index, on: base, steps)
}

private func stage(_ index: Int, on base: Stage.Base, _ steps: [Step]) -> Stage {
  let configuration: ImageConfiguration =
    if case .image(let image) = base {
      image.configuration
    } else {
      ImageConfiguration(platform: .host)
    }
  return Stage(
    id: Stage.ID(index), name: nil, base: base, platform: .host, steps: steps,
    configuration: configuration, source: somewhere)
}

func copy(
  _ sources: String..., to destination: String, from origin: FileOrigin = .context,
  owner: String? = nil, mode: UInt32? = nil, unpacks: Bool = false
) -> Step {
  let sources = sources.map { CopyStep.Source.path($0, range: somewhere) }
  return Step(
    action: .copy(
      CopyStep(
        origin: origin, sources: sources, destination: destination, owner: owner,
        mode: mode.map(FileMode.exact),
        unpacksArchives: unpacks)),
    text: "COPY", createdBy: "COPY \(destination)", source: somewhere)
}

func workingDirectory(_ path: String, user: String = "") -> Step {
  Step(
    action: .makeWorkingDirectory(WorkingDirectoryStep(path: path, user: user)), text: "WORKDIR",
    createdBy: "WORKDIR \(path)", source: somewhere)
}

func configure(_ text: String) -> Step {
  Step(action: .configure, text: text, createdBy: text, source: somewhere)
}
