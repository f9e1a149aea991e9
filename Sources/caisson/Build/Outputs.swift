// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import Images
import LinuxSystem
import OCI
import Registry

/// Sends a finished image where the options say.
struct Outputs: Sendable {
  private struct Target: Sendable {
    var destination: any ImageDestination
    var asked: BuildDestination
  }

  private let targets: [Target]
  private let roots: [BuildDestination]
  /// Of the images, in their order.
  private let platforms: [Platform]
  private let registries: RegistryConnection
  private let fetcher: BlobFetcher
  private let progress: ProgressReporter
  private let log: Log

  init(
    _ options: BuildOptions, registries: RegistryConnection, fetcher: BlobFetcher,
    workers: WorkerThreads, progress: ProgressReporter, log: Log
  ) {
    let names = TransferNames(progress: progress)
    var targets: [Target] = []
    var roots: [BuildDestination] = []
    for asked in options.destinations {
      let destination: any ImageDestination
      switch asked {
      case .registry(let reference):
        destination = RegistryDestination(
          reference, client: registries.client, progress: names.observer(reference.name))
      case .store(let names):
        destination = StoreDestination(store: fetcher.store, names: names, workers: workers)
      case .layout(let path, let names):
        destination = LayoutDestination(
          directory: path, name: names.first?.description, workers: workers)
      case .archive(let file, .oci, let names):
        destination = LayoutArchiveDestination(
          file: file.path(in: fetcher.store), name: names.first?.description, workers: workers)
      case .archive(let file, .docker, let names):
        destination = DockerArchiveDestination(
          file: file.path(in: fetcher.store), names: names, workers: workers)
      case .rootDirectory, .rootArchive:
        roots.append(asked)
        continue
      }
      targets.append(Target(destination: destination, asked: asked))
    }
    self.targets = targets
    self.roots = roots
    platforms = options.platforms
    self.registries = registries
    self.fetcher = fetcher
    self.progress = progress
    self.log = log
  }

  /// Finds out before the build whether the registries will take what it makes.
  func checkAccess() async throws {
    for target in targets {
      guard let registry = target.destination as? RegistryDestination else { continue }
      registries.warnOfHelper(for: registry.reference)
      try await registry.checkPush()
    }
  }

  /// - Parameters:
  ///   - images: Those that were built, and perhaps their index.
  ///   - built: With their layers, in the same order.
  /// - Returns: For people, a line for each place.
  func write(
    _ images: ImageSet, _ built: [BuiltImage], _ surroundings: Executor.Surroundings
  ) async throws -> [String] {
    for case .registry(let reference) in targets.map(\.asked) {
      progress.post(.phase(.pushing(reference.description)))
    }
    let publications = try await Publisher(fetcher: fetcher, log: log).publish(
      images, layers: built.map(\.layers), to: targets.map(\.destination))
    var places: [String] = []
    for (target, publication) in zip(targets, publications) {
      try await finish(target.asked)
      places.append(line(target.asked, publication, images.digest))
      if case .registry(let reference) = target.asked {
        progress.post(.phase(.pushed("\(reference.name)@\(images.digest)")))
      }
    }
    for root in roots {
      for (platform, image) in zip(platforms, built) {
        places.append(
          try await writeRoot(
            built.count > 1 ? root.part(for: platform) : root, image, surroundings))
      }
    }
    return places
  }

  /// An archive for standard output was written to a file first, since it ends with its manifest.
  private func finish(_ asked: BuildDestination) async throws {
    guard case .archive(.standardOutput, _, _) = asked else { return }
    let path = OutputFile.standardOutput.path(in: fetcher.store)
    try copyToStandardOutput(path)
    try removeFile(path)
  }

  private func line(
    _ asked: BuildDestination, _ publication: Images.Publication, _ digest: Digest
  ) -> String {
    let sent = sizeText(publication.sentBytes)
    return switch asked {
    case .registry(let reference):
      "pushed \(reference) (\(sent) sent, \(layerCount(publication.presentBlobs)) there already)"
    case .store(let names):
      names.isEmpty
        ? "stored as \(digest.short)"
        : "stored as " + names.map(\.description).joined(separator: ", ")
    case .layout(let path, _): "written to \(path)"
    case .archive(.path(let path), _, _): "written to \(path)"
    case .archive(.standardOutput, _, _): "written to standard output"
    case .rootDirectory, .rootArchive: ""
    }
  }

  private func writeRoot(
    _ asked: BuildDestination, _ built: BuiltImage, _ surroundings: Executor.Surroundings
  ) async throws -> String {
    let root = RootFileSystem(built, surroundings)
    switch asked {
    case .rootDirectory(let path):
      try await root.unpack(into: path)
      return "files written to \(path)"
    case .rootArchive(.path(let path)):
      try await root.writeArchive(to: path)
      return "files written to \(path)"
    default:
      let path = OutputFile.standardOutput.path(in: fetcher.store)
      try await root.writeArchive(to: path)
      try copyToStandardOutput(path)
      try removeFile(path)
      return "files written to standard output"
    }
  }

  private func copyToStandardOutput(_ path: PathBytes) throws {
    let file = try FileDescriptor.open(path)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = try buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0
    {
      try StandardStream.output.write(Array(buffer[..<count]))
    }
  }
}

private func layerCount(_ count: Int) -> String {
  count == 1 ? "1 layer" : "\(count) layers"
}

extension BuildDestination {
  /// A directory of its own for one of several images, called as buildx calls it.
  ///
  /// - Parameter platform: What was asked for: a base image may say that it is for another.
  fileprivate func part(for platform: Platform) -> BuildDestination {
    guard case .rootDirectory(let path) = self else { return self }
    let name = platform.description.replacing("/", with: "_")
    return .rootDirectory(path.appending(PathBytes(name)))
  }
}

extension OutputFile {
  fileprivate func path(in store: ContentStore) -> PathBytes {
    switch self {
    case .path(let path): path
    case .standardOutput: store.scratch.appending("standard-output.tar")
    }
  }
}
