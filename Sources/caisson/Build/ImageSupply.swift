// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Images
import LinuxSystem
import OCI
import Registry

/// Finds the images that FROM and `COPY --from` name.
struct ImageSupply: Sendable {
  /// Where the requests come from.
  let dockerfile: SourceText
  /// For those who mean one of them.
  let stageNames: [String]
  let namedContexts: [String: NamedContext]
  /// The local store is asked before the registry.
  let usesStore: Bool
  let registries: RegistryConnection
  let fetcher: BlobFetcher
  let workers: WorkerThreads
  let progress: ProgressReporter

  /// - Throws: With the place of the instruction that names the image.
  func resolve(_ request: BaseImageRequest) async throws -> ResolvedImage {
    do {
      if case .rootFileSystem(let path) = namedContext(request) {
        return try await RootFileSystemImport(store: fetcher.store, platform: request.platform)
          .image(of: path)
      }
      let (source, origin) = try await source(of: request)
      progress.post(.phase(.retrievingManifest(source.location)))
      let resolved = try await ImageResolver(fetcher: fetcher).resolve(
        source, platform: request.platform, origin: origin)
      warn(of: resolved.image.configuration.platform, request)
      return resolved
    } catch {
      throw located(error, at: request.source, notes: notes(on: request))
    }
  }

  /// An index has an image for each platform; an image without one is what it is.
  private func warn(of platform: Platform, _ request: BaseImageRequest) {
    let wanted = request.platform
    if platform.os == wanted.os, platform.architecture == wanted.architecture { return }
    progress.post(
      .warning(
        dockerfile.located(
          Diagnostic(
            "the image \"\(request.name)\" is for \(platform), not for \(wanted)",
            severity: .warning, at: request.source))))
  }

  /// A bare word may have been meant as something else.
  private func notes(on request: BaseImageRequest) -> [String] {
    guard namedContext(request) == nil,
      !request.name.contains(where: { "./:@".contains($0) })
    else { return [] }
    let known = stageNames + namedContexts.keys.sorted()
    let near = nearest(to: request.name, among: known).map { ["did you mean \"\($0)\"?"] } ?? []
    return [
      "no earlier stage and no --build-context is named \"\(request.name)\", so it is an image of "
        + "Docker Hub"
    ] + near
  }

  private func namedContext(_ request: BaseImageRequest) -> NamedContext? {
    namedContexts[request.name] ?? namedContexts[request.name.lowercased()]
  }

  private func source(of request: BaseImageRequest) async throws -> (
    any ImageSource, origin: ImageReference?
  ) {
    switch namedContext(request) {
    case .layout(let path, let selector):
      return (LayoutSource(directory: path, name: selector, workers: workers), nil)
    case .image(let reference): return (try await source(of: reference), reference)
    case .located(let location):
      if let source = try await location.source(store: fetcher.store, workers: workers) {
        return (source, nil)
      }
    case .directory, .repository, .address, .rootFileSystem, nil: break
    }
    guard let reference = ImageReference(request.name) else {
      throw SupplyError.notAReference(request.name, at: request.source)
    }
    if usesStore, try fetcher.store.image(named: reference) != nil {
      return (
        LayoutSource(store: fetcher.store, name: reference, workers: workers), nil
      )
    }
    return (try await source(of: reference), reference)
  }

  private func source(of reference: ImageReference) async throws -> any ImageSource {
    registries.warnOfHelper(for: reference)
    let names = TransferNames(progress: progress)
    return RegistrySource(
      reference, client: registries.client, progress: names.observer(reference.name))
  }
}

enum SupplyError: Error, Hashable {
  case notAReference(String, at: SourceRange)
}

extension SupplyError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    switch self {
    case .notAReference(let name, let range):
      Diagnostic("\"\(name)\" is not the name of an image", at: range)
    }
  }
}

/// Turns what the registry client tells of its transfers into progress.
struct TransferNames: Sendable {
  let progress: ProgressReporter

  func observer(_ repository: String) -> TransferObserver {
    { transfer in
      let digest = transfer.descriptor.digest
      let isUpload = transfer.direction == .upload
      progress.post(
        .transfer(
          TransferProgress(
            id: "\(isUpload ? "push" : "pull") \(repository) \(digest)",
            direction: isUpload ? .push : .pull, label: "\(repository) \(digest.short)",
            doneInBytes: transfer.bytesSoFar, totalInBytes: transfer.descriptor.size)))
    }
  }
}
