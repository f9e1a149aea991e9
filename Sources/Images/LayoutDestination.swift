// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// An OCI image layout in a folder. Without a name the layout holds this image only, as kaniko's
/// `--oci-layout-path` does; with one, other names in it are left alone.
///
/// The index is replaced last and at once: a reader sees the old image or the new one.
/// OCI image-spec v1.1, image-layout.md.
package struct LayoutDestination: ImageDestination {
  private let directory: LayoutDirectory
  private let name: String?
  private let workers: WorkerThreads

  /// - Parameter directory: Made when it does not exist.
  package init(directory: PathBytes, name: String?, workers: WorkerThreads) {
    self.directory = LayoutDirectory(path: directory)
    self.name = name
    self.workers = workers
  }

  package var location: String { "oci:\(directory.path)" + (name.map { ":\($0)" } ?? "") }

  package func hasBlob(_ descriptor: Descriptor, origin: ImageReference?) async throws -> Bool {
    let path = directory.path(of: descriptor.digest)
    return try await workers.run {
      (try? FileStatus(of: path, followLinks: true))?.sizeInBytes == descriptor.size
    }
  }

  package func putBlob(_ descriptor: Descriptor, from store: ContentStore) async throws {
    try await workers.run(cancellable: { cancellation in
      try directory.make(for: descriptor.digest.algorithm)
      let target = directory.path(of: descriptor.digest)
      let blob = try store.open(descriptor.digest)
      try check(try blob.status().sizeInBytes, of: descriptor, in: store)
      let output = try OutputFile(target)
      var done: Int64 = 0
      while done < descriptor.size {
        try cancellation.check()
        let copied = try output.file.append(
          min(descriptor.size - done, 64 << 20), from: blob, at: done)
        guard copied > 0 else { break }
        done += copied
      }
      try check(done, of: descriptor, in: store)
      try output.commit()
    })
  }

  package func commit(_ images: ImageSet) async throws {
    try await workers.run {
      for document in images.documents { try put(document.bytes, as: document.digest) }
      try directory.updateIndex { index in
        let descriptor = images.top.descriptor
        if let name {
          try index.set(name, to: descriptor)
        } else {
          index = LayoutIndex()
          try index.setOnly(descriptor)
        }
        return true
      }
    }
  }

  private func check(_ size: Int64, of descriptor: Descriptor, in store: ContentStore) throws {
    guard size == descriptor.size else {
      throw ImageError.corruptBlob(
        location: store.directory.description, digest: descriptor.digest,
        problem: .sizeMismatch(expected: descriptor.size, actual: size))
    }
  }

  private func put(_ bytes: [UInt8], as digest: Digest) throws {
    try directory.make(for: digest.algorithm)
    let path = directory.path(of: digest)
    if !exists(path) { try replaceFile(path, with: bytes) }
  }
}
