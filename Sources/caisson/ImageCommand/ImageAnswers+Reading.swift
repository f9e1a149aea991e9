// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import Images
import Layers
import LinuxSystem
import OCI
import Registry

/// Writes the answer to standard output.
func answer(_ query: ImageQuery, log: Log = .silent) async throws {
  let reader = try ImageReader(query, log: log)
  defer { reader.close() }
  let bytes: [UInt8]
  switch query.subject {
  case .list: bytes = try await reader.list(isJSON: query.isJSON)
  case .inspect(let image): bytes = try inspectionJSON(try await reader.resolve(image).image)
  case .files(let image):
    let rows = try await reader.files(of: image)
    bytes = query.isJSON ? try fileListJSON(rows) : Array(fileTable(rows).utf8)
  case .cat(let image, let path): bytes = try await reader.contents(of: path, in: image)
  }
  try StandardStream.output.write(bytes)
}

/// Reads images wherever they are.
private struct ImageReader {
  private let query: ImageQuery
  private let fetcher: BlobFetcher
  private let unpacked: UnpackedLayers
  private let registries: RegistryConnection
  private let workers = WorkerThreads(count: 2)

  init(_ query: ImageQuery, log: Log) throws {
    self.query = query
    fetcher = BlobFetcher(store: try ContentStore(directory: query.store))
    unpacked = try UnpackedLayers(fetcher: fetcher, format: .trusted)
    registries = try RegistryConnection(query.registry, log: log) {
      StandardStream.error.show($0.rendered() + "\n")
    }
  }

  func close() { try? removeTree(fetcher.store.scratch) }

  func list(isJSON: Bool) async throws -> [UInt8] {
    var rows: [ImageRow] = []
    for name in try fetcher.store.names().sorted(by: { $0.description < $1.description }) {
      let source = LayoutSource(store: fetcher.store, name: name, workers: workers)
      let image = try await resolve(source).image
      rows.append(
        ImageRow(
          name: name.description, digest: image.digest, sizeInBytes: image.sizeInBytes,
          created: image.configuration.created, platform: image.configuration.platform))
    }
    return isJSON ? try imageListJSON(rows) : Array(imageTable(rows).utf8)
  }

  func resolve(_ image: String) async throws -> ResolvedImage {
    do {
      return try await resolve(try await source(image))
    } catch {
      guard case .registry(let reference)? = try? ImageLocation(parsing: image),
        !image.hasPrefix("docker://"), !(error is CancellationError),
        (try? fetcher.store.image(named: reference)) == .some(nil)
      else { throw error }
      var diagnostic = diagnostic(for: error)
      diagnostic.notes.append(
        "\"\(image)\" is not in the local store \(query.store), so its registry was asked")
      throw LocatedError(diagnostic: diagnostic)
    }
  }

  private func resolve(_ source: any ImageSource) async throws -> ResolvedImage {
    try await ImageResolver(fetcher: fetcher).resolve(source, platform: query.platform)
  }

  /// A bare name is of the local store where it has it, else of its registry.
  private func source(_ image: String) async throws -> any ImageSource {
    let location = try ImageLocation(parsing: image)
    if let source = try await location.source(store: fetcher.store, workers: workers) {
      return source
    }
    guard case .registry(let reference) = location else {
      throw ImageError.malformedLocation(image, problem: "it cannot be read from")
    }
    if !image.hasPrefix("docker://"), try fetcher.store.image(named: reference) != nil {
      return LayoutSource(store: fetcher.store, name: reference, workers: workers)
    }
    registries.warnOfHelper(for: reference)
    return RegistrySource(reference, client: registries.client)
  }

  func files(of image: String) async throws -> [FileRow] {
    let files = ImageFiles(
      try await resolve(image).layers, unpacked: unpacked, fetcher: fetcher)
    return try await files.list().map(FileRow.init)
  }

  func contents(of path: PathBytes, in image: String) async throws -> [UInt8] {
    let files = ImageFiles(
      try await resolve(image).layers, unpacked: unpacked, fetcher: fetcher)
    if let bytes = try await files.contents(of: path) { return bytes }
    let other = try await files.list().first { $0.path == path }
    throw LocatedError(
      diagnostic: Diagnostic(
        other == nil
          ? "there is no file \"/\(path)\" in \(image)"
          : "\"/\(path)\" in \(image) is not a regular file",
        help: "\"caisson image files \(image)\" lists what there is"))
  }
}

extension FileRow {
  fileprivate init(_ entry: LayerEntry) {
    let kind: FileStatus.Kind =
      switch entry.kind {
      case .regular, .hardLink: .regular
      case .directory: .directory
      case .symbolicLink: .symbolicLink
      case .characterDevice: .characterDevice
      case .blockDevice: .blockDevice
      case .fifo: .fifo
      }
    let target: PathBytes? =
      if case .symbolicLink(let text) = entry.kind { text } else { nil }
    self.init(
      kind: kind, permissions: entry.permissions, uid: entry.uid, gid: entry.gid,
      sizeInBytes: entry.sizeInBytes, modified: entry.modified.seconds, path: entry.path,
      linkTarget: target)
  }
}
