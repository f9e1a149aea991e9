// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Images
import LinuxSystem
import OCI
import Registry

/// Finds the images that FROM and `COPY --from` name.
struct ImageSupply: Sendable {
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
      return try await find(request)
    } catch let error as any DiagnosticConvertible {
      var diagnostic = error.diagnostic
      diagnostic.range = diagnostic.range ?? request.source
      throw LocatedError(diagnostic: diagnostic)
    }
  }

  private func find(_ request: BaseImageRequest) async throws -> ResolvedImage {
    let (source, origin) = try await source(of: request)
    progress.post(.phase(.retrievingManifest(source.location)))
    return try await ImageResolver(fetcher: fetcher).resolve(
      source, platform: request.platform, origin: origin)
  }

  private func source(of request: BaseImageRequest) async throws -> (
    any ImageSource, origin: ImageReference?
  ) {
    let named = namedContexts[request.name] ?? namedContexts[request.name.lowercased()]
    switch named {
    case .layout(let path, let selector):
      return (LayoutSource(directory: path, name: selector, workers: workers), nil)
    case .directory(let path):
      throw SupplyError.directoryContext(request.name, path, at: request.source)
    case .image(let reference): return (try await source(of: reference), reference)
    case nil: break
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
  case directoryContext(String, PathBytes, at: SourceRange)
  case notAReference(String, at: SourceRange)
}

extension SupplyError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    switch self {
    case .directoryContext(let name, let path, let range):
      Diagnostic(
        "the build context \"\(name)\" is the directory \"\(path)\"; "
          + "directories as named contexts are not carried out yet by this version", at: range,
        help: "give an image: --build-context \(name)=docker-image://REFERENCE or oci-layout://DIR")
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
