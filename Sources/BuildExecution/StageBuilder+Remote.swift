// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Layers
import LinuxSystem

/// Fetches what ADD names by an address. Whoever builds provides it: nothing here speaks HTTP.
package protocol RemoteSources: Sendable {
  /// - Throws: Errors with a diagnostic; its place is that of the source word.
  func fetch(_ file: RemoteFile) async throws -> FetchedFile
  func fetch(_ repository: GitRepository) async throws -> FetchedRepository
}

/// A file in the store that nobody changes.
package struct FetchedFile: Sendable {
  package var path: PathBytes
  package var sizeInBytes: Int64
  /// The last part of its address, or what the server calls it; empty when neither has a name.
  package var name: String
  /// As the server says.
  package var modified: FileTime?

  package init(path: PathBytes, sizeInBytes: Int64, name: String, modified: FileTime?) {
    self.path = path
    self.sizeInBytes = sizeInBytes
    self.name = name
    self.modified = modified
  }
}

/// The files of a commit, all as old as the commit, until the build ends.
package struct FetchedRepository: Sendable {
  package var directory: PathBytes

  package init(directory: PathBytes) { self.directory = directory }
}

extension StageBuilder {
  /// Dockerfile reference, "ADD": a file of 0600 as old as the server says.
  func add(
    _ file: RemoteFile, _ copy: CopyStep, to layout: inout CopyLayout, _ target: CopyTarget,
    at range: SourceRange
  ) async throws {
    let fetched = try await locating(range) { try await remotes(at: range).fetch(file) }
    if copy.unpacksRemoteArchives, try isArchive(.fetched(fetched.path)) {
      return try addEntries(
        ofArchive: .fetched(fetched.path), to: &layout, at: target.place(in: layout))
    }
    let place = target.place(ofFile: PathBytes(fetched.name), in: layout)
    guard !fetched.name.isEmpty || !target.takesName(in: layout) else {
      throw ExecutionError.addressWithoutName(file.shown, at: range)
    }
    let entry = LayerEntry(
      path: PathBytes(fetched.name), kind: .regular, permissions: 0o600,
      sizeInBytes: fetched.sizeInBytes, modified: fetched.modified ?? impliedTime)
    try layout.addParents(of: place)
    try layout.add(entry, content: .fetched(fetched.path), at: place)
  }

  func add(
    _ repository: GitRepository, _ exclusion: CopyExclusion, to layout: inout CopyLayout,
    _ target: CopyTarget, at range: SourceRange
  ) async throws {
    let fetched = try await locating(range) { try await remotes(at: range).fetch(repository) }
    let context = try BuildContext(
      directory: fetched.directory, name: withoutCredentials(repository.remote))
    let sources = ContextSources(context: context, range: range, exclusion: exclusion)
    let path = try sources.existing(PathBytes(repository.subdirectory).normalizedInRoot)
    let place =
      sources.isDirectory(path)
      ? target.place(in: layout) : target.place(ofFile: path.name, in: layout)
    try sources.add(path, to: &layout, at: place)
  }

  private func remotes(at range: SourceRange) throws(ExecutionError) -> any RemoteSources {
    guard let remotes = surroundings.remotes else { throw .noRemoteSources(at: range) }
    return remotes
  }

  /// Gives an error the place of the source word.
  private func locating<Result: Sendable>(
    _ range: SourceRange, _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch let error as any DiagnosticConvertible {
      throw RemoteFailure(error.diagnostic, at: range)
    }
  }
}

/// What kept a source from being fetched, at its place.
struct RemoteFailure: DiagnosticConvertible {
  let diagnostic: Diagnostic

  init(_ diagnostic: Diagnostic, at range: SourceRange) {
    var placed = diagnostic
    if placed.range == nil { placed.range = range }
    self.diagnostic = placed
  }
}
