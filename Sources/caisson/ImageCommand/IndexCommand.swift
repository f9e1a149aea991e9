// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import LinuxSystem
import OCI
import Registry

/// `caisson image index create` and `append`: an index of images that were built one by one.
struct IndexQuery: Hashable, Sendable {
  /// As written.
  var target: String
  var sources: [String]
  /// The images that the target's index has already stay in it.
  var appends: Bool
  var annotations: [String: String]
  /// Absolute.
  var store: PathBytes
  var registry: RegistryAccess
}

enum IndexFlags {
  static let from = Option.value(
    "from", "IMAGE", isRepeatable: true, .input,
    "an image, or an index whose images are all meant")
  static let annotation = Option.value(
    "annotation", "KEY=VALUE", isRepeatable: true, .output, "an annotation of the index")
}

extension Command {
  private static let places = [
    "IMAGE and TARGET are a name of the local store, oci:DIR[:TAG], oci-archive:FILE or "
      + "docker://REFERENCE for a registry.",
    "An image for the platform of an earlier one takes its place. The digest of the index is printed.",
  ]
  private static let create = Command(
    path: ["image", "index", "create"], summary: "Makes an index of images for several platforms.",
    synopsis: "TARGET", positionalCount: 1...1,
    options: [IndexFlags.from, IndexFlags.annotation, SharedOptions.store] + SharedOptions.registry,
    notes: places)
  private static let append = Command(
    path: ["image", "index", "append"], summary: "Puts images into an index that is there already.",
    synopsis: "TARGET", positionalCount: 1...1,
    options: [IndexFlags.from, IndexFlags.annotation, SharedOptions.store] + SharedOptions.registry,
    notes: places)

  static let index = [create, append]
}

extension IndexQuery {
  init(_ command: Command, _ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    target = arguments.positionals.first ?? ""
    sources = arguments.values(of: IndexFlags.from)
    appends = command.path.last == "append"
    guard !sources.isEmpty else {
      throw .conflict("--from is missing", help: "name each image with --from IMAGE")
    }
    annotations = try arguments.labels(IndexFlags.annotation, valueIsOptional: false)
    store = try arguments.store(surroundings)
    registry = arguments.registryAccess(surroundings)
  }
}

/// Writes the index, and its digest to standard output.
func answer(_ query: IndexQuery, log: Log = .silent) async throws {
  let writer = try IndexWriter(query, log: log)
  defer { writer.close() }
  let digest = try await writer.write()
  try StandardStream.output.write(Array("\(digest)\n".utf8))
}

struct IndexWriter {
  private let query: IndexQuery
  private let fetcher: BlobFetcher
  private let registries: RegistryConnection
  private let workers = WorkerThreads(count: 2)
  private let log: Log

  init(_ query: IndexQuery, log: Log) throws {
    self.query = query
    self.log = log
    fetcher = BlobFetcher(store: try ContentStore(directory: query.store))
    registries = try RegistryConnection(query.registry, log: log) {
      StandardStream.error.show($0.rendered() + "\n")
    }
  }

  func close() { try? removeTree(fetcher.store.scratch) }

  func write() async throws -> Digest {
    var found: [(platform: Platform, image: ResolvedImage)] = []
    var annotations: [String: String] = [:]
    let places = (query.appends ? [query.target] : []) + query.sources
    for (position, place) in places.enumerated() {
      let isTarget = query.appends && position == 0
      let (images, own) = try await images(at: place)
      if isTarget { annotations = own }
      // What is appended to may be empty yet.
      guard isTarget || !images.isEmpty else { throw ImageError.noImages(location: place) }
      for (platform, image) in images {
        found.removeAll { $0.platform == platform }
        found.append((platform, image))
      }
    }
    annotations.merge(query.annotations) { _, new in new }
    let images = try ImageSet(
      indexing: found.map(\.image.image), for: found.map(\.platform),
      annotations: annotations.isEmpty ? nil : annotations,
      format: isLayout ? .oci : nil)
    _ = try await Publisher(fetcher: fetcher, log: log).publish(
      images, layers: found.map(\.image.layers), to: [try destination()])
    return images.digest
  }

  /// Those of an index, with its annotations; or the one.
  private func images(at place: String) async throws
    -> (images: [(Platform, ResolvedImage)], annotations: [String: String])
  {
    let (source, origin) = try await source(place)
    let resolver = ImageResolver(fetcher: fetcher)
    guard let offer = try await resolver.offer(of: source) else {
      let image = try await resolver.resolve(source, platform: .host, origin: origin)
      return ([(image.image.configuration.platform, image)], [:])
    }
    var found: [(Platform, ResolvedImage)] = []
    for platform in offer.platforms {
      found.append(
        (platform, try await resolver.resolve(source, platform: platform, origin: origin)))
    }
    return (found, offer.annotations)
  }

  private func source(_ place: String) async throws -> (any ImageSource, ImageReference?) {
    let location = try ImageLocation(parsing: place)
    if let source = try await location.source(store: fetcher.store, workers: workers) {
      return (source, nil)
    }
    guard case .registry(let reference) = location else {
      throw ImageError.malformedLocation(place, problem: "it cannot be read from")
    }
    if isInStore(place, reference) {
      return (LayoutSource(store: fetcher.store, name: reference, workers: workers), nil)
    }
    registries.warnOfHelper(for: reference)
    return (RegistrySource(reference, client: registries.client), reference)
  }

  private func isInStore(_ place: String, _ reference: ImageReference) -> Bool {
    guard !place.hasPrefix("docker://") else { return false }
    return (try? fetcher.store.image(named: reference)) != .some(nil)
  }

  /// Readers of layouts look for names among OCI's own media types only.
  private var isLayout: Bool { query.target.hasPrefix("oci") }

  /// A bare name is one of the local store.
  private func destination() throws -> any ImageDestination {
    let location = try ImageLocation(parsing: query.target)
    if let destination = location.destination(store: fetcher.store, workers: workers) {
      return destination
    }
    guard case .registry(let reference) = location else {
      throw ImageError.malformedLocation(query.target, problem: "it cannot be written to")
    }
    guard query.target.hasPrefix("docker://") else {
      return StoreDestination(store: fetcher.store, names: [reference], workers: workers)
    }
    registries.warnOfHelper(for: reference)
    return RegistryDestination(reference, client: registries.client)
  }
}
