// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// An image in an OCI image layout: a folder, an archive of one, or the local store.
///
/// OCI image-spec v1.1, image-layout.md.
package struct LayoutSource: ImageSource {
  package let location: String
  private let files: LayoutFiles
  private let name: String?
  private let workers: WorkerThreads

  private init(location: String, files: LayoutFiles, name: String?, workers: WorkerThreads) {
    self.location = location
    self.files = files
    self.name = name
    self.workers = workers
  }

  /// - Parameter name: What `org.opencontainers.image.ref.name` says; when absent, the layout must
  ///   hold one image only.
  package init(directory: PathBytes, name: String?, workers: WorkerThreads) {
    self.init(
      location: "oci:\(directory)" + (name.map { ":\($0)" } ?? ""), files: .folder(directory),
      name: name, workers: workers)
  }

  /// - Throws: ``ImageError`` when the archive's headers are damaged.
  package init(archive: PathBytes, name: String?, workers: WorkerThreads) async throws {
    self.init(
      location: "oci-archive:\(archive)" + (name.map { ":\($0)" } ?? ""),
      files: .archive(try await workers.run { try ArchiveReader(archive) }), name: name,
      workers: workers)
  }

  package init(store: ContentStore, name: ImageReference, workers: WorkerThreads) {
    self.init(
      location: "store:\(name)", files: .folder(store.directory), name: name.description,
      workers: workers)
  }

  package func manifest(_ digest: Digest?) async throws -> EncodedManifest {
    try await workers.run {
      if let digest { return try manifest(in: digest, declared: nil) }
      return try namedManifest()
    }
  }

  package func fetchBlob(_ descriptor: Descriptor, into writer: BlobWriter) async throws {
    try await workers.run(cancellable: { cancellation in
      guard let file = try files.open(blobName(descriptor.digest)) else {
        throw ImageError.blobNotFound(location: location, digest: descriptor.digest)
      }
      try file.forEachPiece {
        try cancellation.check()
        try writer.write($0)
      }
    })
  }

  private func namedManifest() throws -> EncodedManifest {
    guard let bytes = try indexBytes() else {
      throw ImageError.notALayout(directory: location, problem: "it has no index.json")
    }
    let index: LayoutIndex
    let found: [Descriptor]
    do {
      index = try LayoutIndex(parsing: bytes)
      found = try index.descriptors(named: name)
    } catch let error as ContentError {
      throw ImageError.notALayout(directory: location, problem: error.summary)
    }
    guard let first = found.first else {
      throw ImageError.manifestNotFound(location: location, selector: name ?? "latest")
    }
    if found.count == 1 { return try manifest(in: first.digest, declared: first.mediaType) }
    // Several images without a name between them, each for its platform: an index of its own.
    guard found.count == index.count, found.allSatisfy({ $0.platform != nil }) else {
      throw ImageError.ambiguousName(location: location, offered: index.names)
    }
    return try EncodedManifest(checking: bytes, declared: .ociIndex, location: location)
  }

  private func indexBytes() throws -> [UInt8]? {
    do {
      return try files.contents(of: "index.json", limit: LayoutIndex.largestSizeInBytes)
    } catch let error as ContentError {
      throw ImageError.notALayout(directory: location, problem: error.summary)
    }
  }

  private func manifest(in digest: Digest, declared: MediaType?) throws -> EncodedManifest {
    let found: [UInt8]?
    do {
      found = try files.contents(of: blobName(digest), limit: Manifest.largestSizeInBytes)
    } catch let error as ContentError {
      throw ImageError.corruptBlob(location: location, digest: digest, problem: error)
    }
    guard let bytes = found else {
      throw ImageError.blobNotFound(location: location, digest: digest)
    }
    let actual = Digest.of(bytes, algorithm: digest.algorithm)
    guard actual == digest else {
      throw ImageError.corruptBlob(
        location: location, digest: digest,
        problem: .digestMismatch(expected: digest, actual: actual))
    }
    return try EncodedManifest(checking: bytes, declared: declared, location: location)
  }
}
