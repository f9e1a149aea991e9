// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Glibc
import Images
import Layers
import LinuxSystem

/// What a build reads: the context directory, the Dockerfile and the ignore file.
struct BuildInputs {
  var directory: PathBytes
  var dockerfile: SourceText
  /// Absolute; nil for standard input and what was fetched.
  var dockerfilePath: PathBytes?
  var ignoreFile: IgnoreFile?

  /// Opens the context (an archive is unpacked into the store's scratch, an address is fetched first)
  /// and reads the two files.
  init(_ options: BuildOptions, store: ContentStore, remotes: any RemoteSources) async throws {
    let found = try await Self.context(options, store: store, remotes)
    directory = found.directory
    let (bytes, name, path) =
      if let alone = found.dockerfile {
        (bytes: alone, name: "Dockerfile", path: PathBytes?.none)
      } else {
        try await Self.dockerfile(options, in: directory, remotes)
      }
    dockerfile = SourceText(name: name, bytes: bytes)
    dockerfilePath = path
    ignoreFile = try Self.ignoreFile(options, in: directory, beside: path)
  }

  /// Reads the two files; nil when the Dockerfile is to be fetched.
  ///
  /// - Parameter directory: The context.
  init?(_ options: BuildOptions, in directory: PathBytes) throws {
    guard let (bytes, name, path) = try Self.localDockerfile(options, in: directory) else {
      return nil
    }
    self.directory = directory
    dockerfile = SourceText(name: name, bytes: bytes)
    dockerfilePath = path
    ignoreFile = try Self.ignoreFile(options, in: directory, beside: path)
  }

  private static func dockerfile(
    _ options: BuildOptions, in directory: PathBytes, _ remotes: any RemoteSources
  ) async throws -> (bytes: [UInt8], name: String, path: PathBytes?) {
    if let local = try localDockerfile(options, in: directory) { return local }
    guard case .address(let address) = options.dockerfile else {
      preconditionFailure("a Dockerfile that is no address is local")
    }
    let file = try await remotes.fetch(RemoteFile(url: address))
    return (
      try contents(of: file.path, limit: Dockerfile.longestFile), withoutCredentials(address), nil
    )
  }

  private static func localDockerfile(_ options: BuildOptions, in directory: PathBytes) throws -> (
    bytes: [UInt8], name: String, path: PathBytes?
  )? {
    switch options.dockerfile {
    case .address: return nil
    case .standardInput:
      let bytes = try contents(
        of: FileDescriptor(owning: dup(STDIN_FILENO)), limit: Dockerfile.longestFile)
      return (bytes, "-", nil)
    case .firstOf(let candidates):
      var tried: [PathBytes] = []
      for candidate in candidates {
        let path =
          switch candidate {
          case .file(let path): path
          case .inContext(let name):
            // An absolute one counts from the context's root here.
            directory.appending(PathBytes(String(name.drop { $0 == "/" })))
          }
        tried.append(path)
        let fetched = options.context.isFetched
        guard let place = place(path, in: directory, isFetched: fetched) else { continue }
        let bytes = try opening("the Dockerfile", path) {
          try contents(of: place, limit: Dockerfile.longestFile)
        }
        return (bytes, name(of: path, in: directory), path)
      }
      throw InputError.noDockerfile(tried: tried)
    }
  }

  /// As people know it: short when it lies in the context.
  private static func name(of path: PathBytes, in directory: PathBytes) -> String {
    guard path.isWithin(directory), path.bytes.count > directory.bytes.count else {
      return path.description
    }
    return PathBytes(
      joining: PathBytes(Array(path.bytes.dropFirst(directory.bytes.count))).components
    )
    .description
  }

  private static func ignoreFile(
    _ options: BuildOptions, in directory: PathBytes, beside dockerfile: PathBytes?
  ) throws -> IgnoreFile? {
    if let path = options.ignoreFile {
      return try read(path, at: path, in: directory)
    }
    var candidates: [PathBytes] = []
    if let dockerfile {
      candidates += ignoreFileNames.map { PathBytes(dockerfile.bytes + Array($0.utf8)) }
    }
    candidates += ignoreFileNames.map { directory.appending(PathBytes($0)) }
    return try read(firstOf: candidates, in: directory, isFetched: options.context.isFetched)
  }

  /// Docker's name, which wins in the same place, and podman's.
  private static let ignoreFileNames = [".dockerignore", ".containerignore"]

  /// - Throws: What is wrong with the directory or its ignore file.
  static func ignoreFile(ofNamedContext directory: PathBytes, isFetched: Bool) throws
    -> IgnoreFile?
  {
    let directory = try Self.directory(directory)
    let candidates = ignoreFileNames.map { directory.appending(PathBytes($0)) }
    return try read(firstOf: candidates, in: directory, isFetched: isFetched)
  }

  private static func read(
    firstOf candidates: [PathBytes], in directory: PathBytes, isFetched: Bool
  ) throws -> IgnoreFile? {
    for path in candidates {
      if let place = place(path, in: directory, isFetched: isFetched) {
        return try read(path, at: place, in: directory)
      }
    }
    return nil
  }

  private static func read(_ path: PathBytes, at place: PathBytes, in directory: PathBytes) throws
    -> IgnoreFile
  {
    let bytes = try opening("the ignore file", path) { try contents(of: place) }
    let source = SourceText(name: name(of: path, in: directory), bytes: bytes)
    do {
      return try IgnoreFile(parsing: source)
    } catch {
      throw LocatedError(diagnostic: source.located(error.diagnostic))
    }
  }
}

/// What is wrong with what the build was pointed at.
enum InputError: Error, Hashable {
  case contextIsNoDirectory(PathBytes)
  case badContextArchive(String, problem: String)
  case noDockerfile(tried: [PathBytes])
  case twoDockerfiles(String)
  case cannotOpen(String, PathBytes, Errno)
}

extension InputError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    switch self {
    case .contextIsNoDirectory(let path):
      Diagnostic(
        "the build context \"\(path)\" is not a directory",
        help: "name the directory; the Dockerfile is named with --file (--dockerfile for executor)")
    case .badContextArchive(let name, let problem):
      Diagnostic(
        "the context from \(name) cannot be unpacked", notes: [problem],
        help: "a tar archive is expected, plain or compressed with gzip, bzip2, xz or zstd")
    case .noDockerfile(let tried):
      Diagnostic(
        "there is no Dockerfile", notes: tried.map { "looked for \($0)" },
        help: "name it with --file (--dockerfile for executor)")
    case .twoDockerfiles(let name):
      Diagnostic(
        "\(name) is no archive, and the Dockerfile is another file",
        help: "leave out --file to build from what is there; an archive as context is a tar file, "
          + "plain or compressed with gzip, bzip2, xz or zstd")
    case .cannotOpen(let what, let path, let errno):
      Diagnostic(
        "\(what) \"\(path)\" cannot be opened: \("\(errno)".lowercasedFirst)",
        help: errno == .noSuchFile ? "check the path" : nil)
    }
  }
}

extension String {
  fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}

/// Runs `body`, which reads `path`, and says what it was meant to be when that fails.
func opening<Result: ~Copyable>(
  _ what: String, _ path: PathBytes, _ body: () throws -> Result
) throws -> Result {
  do {
    return try body()
  } catch let error as SystemError {
    throw InputError.cannotOpen(what, path, error.errno)
  }
}
