// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import Layers
import LinuxSystem
import RecordedFiles
import Sandboxing

/// One directory for all commands of a stage, with owners and modes beside it. Layers are put there as
/// they come; a command changes it in place, and its changes are kept apart as another name of each
/// file.
final class RecordedStepRoot: StepRoot {
  private let sandbox: VirtualSandbox
  private let files: LayeredFiles
  private let unpacked: UnpackedLayers
  private let fetcher: BlobFetcher
  private let place: PathBytes

  /// Nil while a command runs: its supervisor has them then.
  private(set) var records: FileRecords?
  private var touched = TouchedPaths()
  /// The layers as far as they are in the directory.
  private let tree = FileTree()
  private var layerCount = 0

  /// - Parameter place: For the tree and what belongs to it; not there yet.
  init(
    _ sandbox: VirtualSandbox, on files: LayeredFiles, unpacked: UnpackedLayers,
    fetcher: BlobFetcher, at place: PathBytes
  ) {
    self.sandbox = sandbox
    self.files = files
    self.unpacked = unpacked
    self.fetcher = fetcher
    self.place = place
  }

  var virtualTree: VirtualTree {
    VirtualTree(directory: place.appending("tree"), records: place.appending("records"))
  }

  var mountStyle: LayerUnpacker.Style {
    guard let records else { preconditionFailure("the tree is not prepared") }
    return .recorded(records)
  }

  private var touchedFile: PathBytes { place.appending("touched") }

  // MARK: - Layers

  nonisolated(nonsending) func prepare() async throws {
    let records = try self.records ?? makeTree()
    self.records = records
    touched = TouchedPaths()
    let missing = files.layers[layerCount...]
    try await fetch(missing)
    for layer in missing {
      switch layer {
      case .blob(let reference, _): try await unpack(reference, records)
      case .changes(let changes):
        var unpacker = try unpacker(records)
        try unpacker.apply(changes.entries, from: changes.directory)
      }
      layerCount += 1
    }
    try records.synchronize()
  }

  private func makeTree() throws -> FileRecords {
    try LinuxSystem.makeDirectory(place, mode: 0o700)
    let root = virtualTree.directory
    try LinuxSystem.makeDirectory(root)
    try retrying("chmod", root) { root.withCString { chmod($0, 0o755) } }
    return try FileRecords(creating: virtualTree.records)
  }

  private nonisolated(nonsending) func fetch(_ layers: ArraySlice<StageLayer>) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for case .blob(let layer, _) in layers {
        group.addTask { [fetcher] in try await fetcher.fetch(layer) }
      }
      try await group.waitForAll()
    }
  }

  private nonisolated(nonsending) func unpack(
    _ layer: LayerReference, _ records: FileRecords
  ) async throws {
    let blob = try fetcher.store.open(layer.descriptor.digest)
    var reader = TarReader(LayerContent(blob: blob, diffID: layer.diffID))
    var unpacker = try unpacker(records)
    let entries = try unpacker.unpack(&reader)
    try reader.input.check()
    try await unpacked.rememberIfNew(entries, of: layer.diffID)
  }

  private func unpacker(_ records: FileRecords) throws -> LayerUnpacker {
    try LayerUnpacker(
      into: virtualTree.directory, over: tree, lower: [], style: .recorded(records))
  }

  // MARK: - Commands

  nonisolated(nonsending) func makeDirectory(_ path: PathBytes) async throws {
    var made = PathBytes([UInt8]())
    for name in path.components {
      made = made.appending(name)
      let place = virtualTree.directory.appending(made)
      if exists(place) { continue }
      try LinuxSystem.makeDirectory(place)
      try retrying("chmod", place) { place.withCString { chmod($0, 0o755) } }
      records?.remove(try FileKey(of: place, at: AT_FDCWD))
      touched.add(made, .name)
    }
  }

  nonisolated(nonsending) func run(
    _ command: SandboxedCommand, standardOutput: Int32, standardError: Int32
  ) async throws -> ProcessEnd {
    records = nil
    let end = try await sandbox.run(
      command, in: virtualTree, touched: touchedFile, standardOutput: standardOutput,
      standardError: standardError)
    try takeBack()
    return end
  }

  /// What the supervisor leaves behind.
  func takeBack() throws {
    records = try FileRecords(opening: virtualTree.records)
    for (path, touch) in try TouchedPaths.read(from: touchedFile).sorted {
      touched.add(path, touch)
    }
    try? removeFile(touchedFile)
  }

  nonisolated(nonsending) func changes() async throws -> ChangeSet? {
    guard let records else { preconditionFailure("the command is still running") }
    let changes = try RecordedChanges.read(
      tree: virtualTree.directory, records: records, touched: touched, below: tree)
    let unchanged = try await pathsWithOldContent(among: changes.undecided)
    let entries = changes.entries(unchanged: unchanged)
    guard !entries.isEmpty else { return nil }
    let directory = fetcher.store.temporaryPath()
    try LinuxSystem.makeDirectory(directory, mode: 0o700)
    do {
      try RecordedContent.keep(
        entries, of: virtualTree.directory, records: records, in: directory)
      try records.synchronize()
    } catch {
      try? removeTree(directory)
      throw error
    }
    tree.beginLayer()
    for entry in entries { try tree.apply(entry) }
    layerCount += 1
    return ChangeSet(directory: directory, entries: entries)
  }

  private nonisolated(nonsending) func pathsWithOldContent(
    among files: [RecordedChanges.Undecided]
  ) async throws -> Set<PathBytes> {
    // What were names of one file may be several now.
    let groups = Dictionary(grouping: files) { ObjectIdentifier($0.below) }
    var unchanged: Set<PathBytes> = []
    try await self.files.forEachContent(of: groups.values.map { $0[0].below }) { inode, pieces in
      var comparisons: [ContentComparison] = []
      for file in groups[ObjectIdentifier(inode)] ?? [] {
        comparisons.append(
          try ContentComparison(file.path, in: virtualTree.directory.appending(file.path)))
      }
      try pieces { piece in
        for comparison in comparisons { try comparison.compare(piece) }
      }
      unchanged.formUnion(comparisons.filter(\.isEqual).map(\.path))
    }
    return unchanged
  }

  func remove() { try? removeTree(place) }
}

/// Compares a file, piece by piece, with content of the same size.
private final class ContentComparison {
  let path: PathBytes
  private let file: FileDescriptor
  private var buffer: [UInt8] = []
  private(set) var isEqual = true

  init(_ path: PathBytes, in place: PathBytes) throws {
    self.path = path
    file = try FileDescriptor.open(place, flags: O_RDONLY | O_NOFOLLOW)
  }

  func compare(_ piece: UnsafeRawBufferPointer) throws {
    var rest = piece
    while isEqual, !rest.isEmpty {
      if buffer.count < rest.count { buffer = [UInt8](repeating: 0, count: rest.count) }
      let count = try buffer.withUnsafeMutableBytes {
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<rest.count]))
      }
      let isSame = buffer.withUnsafeBytes { found in
        guard let found = found.baseAddress, let old = rest.baseAddress else { return false }
        return memcmp(found, old, count) == 0
      }
      isEqual = count > 0 && isSame
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }
}
