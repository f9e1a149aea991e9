// SPDX-License-Identifier: Apache-2.0

import OCI

/// The local store's names: complete references (`docker.io/library/app:1`) in the layout's index.
///
/// Each call is safe beside other threads and processes; entries somebody else made are kept.
extension ContentStore {
  /// - Throws: ``ImageError/notALayout(directory:problem:)`` when the index cannot be read.
  package func names() throws -> [ImageReference] {
    try index().names.compactMap { ImageReference($0) }
  }

  /// The manifest or index that `name` leads to.
  package func image(named name: ImageReference) throws -> Descriptor? {
    do {
      return try index().descriptors(named: name.description).first
    } catch let error as ContentError {
      throw ImageError.notALayout(directory: directory.description, problem: error.summary)
    }
  }

  /// Moves `name`, whose manifest must be in the store, to another image.
  package func setName(_ name: ImageReference, to descriptor: Descriptor) throws {
    try layout.updateIndex { index in
      try index.set(name.description, to: descriptor)
      return true
    }
  }

  /// - Returns: False when there was no such name. Blobs stay.
  @discardableResult
  package func removeName(_ name: ImageReference) throws -> Bool {
    try layout.updateIndex { $0.remove(name.description) }
  }

  var layout: LayoutDirectory { LayoutDirectory(path: directory) }

  private func index() throws -> LayoutIndex {
    try layout.hasIndex ? layout.readIndex() : LayoutIndex()
  }
}
