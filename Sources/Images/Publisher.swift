// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// What the publication of an image moved to one destination; layers only, each digest once.
package struct Publication: Hashable, Sendable {
  package var location: String
  package var sentBlobs = 0
  package var sentBytes: Int64 = 0
  /// There already, or mounted from another repository.
  package var presentBlobs = 0
  package var presentBytes: Int64 = 0

  init(location: String) { self.location = location }
}

/// Sends finished images to their destinations.
package struct Publisher: Sendable {
  /// Blobs under way at once.
  package static let defaultWidth = 4

  private let fetcher: BlobFetcher
  private let width: Int
  private let log: Log

  package init(fetcher: BlobFetcher, width: Int = defaultWidth, log: Log = .silent) {
    self.fetcher = fetcher
    self.width = max(1, width)
    self.log = log
  }

  /// Sends `image`, whose `layers` are in order, to every destination; a blob they all lack is
  /// fetched once, one they all have not at all.
  ///
  /// Names are moved when every blob is in its place, so nothing incomplete is ever visible.
  ///
  /// - Returns: One value a destination, in their order.
  package func publish(
    _ image: Image, layers: [LayerReference], to destinations: [any ImageDestination]
  ) async throws -> [Publication] {
    try await publish(ImageSet(image), layers: [layers], to: destinations)
  }

  /// The same of several images.
  ///
  /// - Parameter layers: Of each image, in order.
  package func publish(
    _ images: ImageSet, layers: [[LayerReference]], to destinations: [any ImageDestination]
  ) async throws -> [Publication] {
    for (image, layers) in zip(images.images, layers) {
      precondition(
        layers.map(\.descriptor.digest) == image.manifest.layers.map(\.digest),
        "the layers are not those of the manifest")
    }
    var publications = destinations.map { Publication(location: $0.location) }
    var transfers = transfers(of: layers.flatMap { $0 }, to: destinations)[...]
    try await withThrowingTaskGroup(of: Transfer.Result.self) { group in
      for transfer in transfers.prefix(width) { group.addTask { try await run(transfer) } }
      transfers = transfers.dropFirst(width)
      while let result = try await group.next() {
        publications[result.destination].count(result)
        if let transfer = transfers.popFirst() { group.addTask { try await run(transfer) } }
      }
    }
    for destination in destinations {
      try Task.checkCancellation()
      try await destination.commit(images)
      log.debug(
        "image committed",
        ["digest": images.digest.description, "destination": destination.location])
    }
    return publications
  }

  fileprivate struct Transfer: Sendable {
    struct Result: Sendable {
      var destination: Int
      var sizeInBytes: Int64
      var wasSent: Bool
    }

    var layer: LayerReference
    /// Its place in the list.
    var number: Int
    var destination: any ImageDestination
  }

  private func transfers(of layers: [LayerReference], to destinations: [any ImageDestination])
    -> [Transfer]
  {
    var seen: Set<Digest> = []
    return layers.filter { seen.insert($0.descriptor.digest).inserted }.flatMap { layer in
      destinations.enumerated().map {
        Transfer(layer: layer, number: $0.offset, destination: $0.element)
      }
    }
  }

  private func run(_ transfer: Transfer) async throws -> Transfer.Result {
    let descriptor = transfer.layer.descriptor
    let isThere = try await transfer.destination.hasBlob(
      descriptor, origin: transfer.layer.origin)
    if !isThere {
      try await fetcher.fetch(transfer.layer)
      try await transfer.destination.putBlob(descriptor, from: fetcher.store)
    }
    log.debug(
      isThere ? "layer is there already" : "layer sent",
      [
        "digest": descriptor.digest.description, "bytes": String(descriptor.size),
        "destination": transfer.destination.location,
      ])
    return Transfer.Result(
      destination: transfer.number, sizeInBytes: descriptor.size, wasSent: !isThere)
  }
}

extension Publication {
  fileprivate mutating func count(_ result: Publisher.Transfer.Result) {
    if result.wasSent {
      sentBlobs += 1
      sentBytes += result.sizeInBytes
    } else {
      presentBlobs += 1
      presentBytes += result.sizeInBytes
    }
  }
}
