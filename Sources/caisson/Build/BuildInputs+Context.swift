// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import DockerfileSyntax
import Glibc
import Images
import Layers
import LinuxSystem

extension BuildInputs {
  /// - Returns: The directory; and the Dockerfile, when an address was that of one.
  static func context(
    _ options: BuildOptions, store: ContentStore, _ remotes: any RemoteSources
  ) async throws -> (directory: PathBytes, dockerfile: [UInt8]?) {
    var root: PathBytes
    switch options.context {
    case .directory(let path): root = path
    case .archive(let path):
      root = try unpackContext(
        from: try opening("the context archive", path) { try FileDescriptor.open(path) },
        named: path.description, store)
    case .standardInput:
      let input = FileDescriptor(owning: dup(STDIN_FILENO))
      let found = try content(of: input, named: "standard input", options, store)
      guard found.dockerfile == nil else { return found }
      root = found.directory
    case .repository(let repository):
      root = try await directory(of: repository, remotes)
    case .address(let address):
      let file = try await remotes.fetch(RemoteFile(url: address))
      let found = try content(
        of: try FileDescriptor.open(file.path), named: withoutCredentials(address), options, store)
      guard found.dockerfile == nil else { return found }
      root = found.directory
    }
    if let sub = options.contextSubPath {
      let path = PathBytes(sub)
      root =
        options.context.isFetched
        ? try opening("the directory of the context", path) { try directory(path, within: root) }
        : root.appending(path)
    }
    return (try Self.directory(root), nil)
  }

  /// - Throws: ``InputError`` when it is none.
  static func directory(_ path: PathBytes) throws -> PathBytes {
    let status = try opening("the build context", path) {
      try FileStatus(of: path, followLinks: true)
    }
    guard status.kind == .directory else { throw InputError.contextIsNoDirectory(path) }
    return path
  }

  /// Links of the repository on the way are followed within it.
  private static func directory(of repository: GitRepository, _ remotes: any RemoteSources)
    async throws -> PathBytes
  {
    let fetched = try await remotes.fetch(repository).directory
    if repository.subdirectory.isEmpty { return fetched }
    return try opening("the directory of the repository", PathBytes(repository.subdirectory)) {
      try directory(PathBytes(repository.subdirectory), within: fetched)
    }
  }

  private static func directory(_ path: PathBytes, within root: PathBytes) throws(SystemError)
    -> PathBytes
  {
    let root = try FileDescriptor.open(root, flags: O_RDONLY | O_DIRECTORY)
    let found = try FileDescriptor.open(path, inRoot: root, flags: O_RDONLY | O_DIRECTORY)
    return try linkTarget(of: PathBytes("/proc/self/fd/\(found.number)"))
  }

  /// Where a file of a context is, if it is there. Links of what was fetched are followed within it, never to
  /// the files of this machine, and what is no file is not opened.
  static func place(_ path: PathBytes, in directory: PathBytes, isFetched: Bool) -> PathBytes? {
    guard isFetched, path.isWithin(directory) else { return exists(path) ? path : nil }
    do {
      let root = try FileDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
      let below = PathBytes(Array(path.bytes.dropFirst(directory.bytes.count)))
      let file = try FileDescriptor.open(below, inRoot: root, flags: O_PATH)
      guard try FileStatus(of: file.number).kind == .regular else { return nil }
      return try linkTarget(of: PathBytes("/proc/self/fd/\(file.number)"))
    } catch {
      return nil
    }
  }

  /// A stream is a context, or a Dockerfile whose context is empty.
  private static func content(
    of file: consuming FileDescriptor, named name: String, _ options: BuildOptions,
    _ store: ContentStore
  ) throws -> (directory: PathBytes, dockerfile: [UInt8]?) {
    var start = try Self.start(of: file)
    if options.command == .executor || isArchive(start) {
      return (try unpackContext(from: file, startingWith: start, named: name, store), nil)
    }
    guard options.dockerfile == .firstOf([.inContext("Dockerfile")]) else {
      throw InputError.twoDockerfiles(name)
    }
    start += try opening("the Dockerfile", PathBytes(name)) {
      try contents(of: file, limit: Dockerfile.longestFile - start.count)
    }
    let directory = store.temporaryPath()
    try makeDirectory(directory, mode: 0o700)
    return (directory, start)
  }

  /// As much as the first header of a tar archive, unless the file ends before.
  private static func start(of file: borrowing FileDescriptor) throws -> [UInt8] {
    var start = [UInt8](repeating: 0, count: 512)
    var count = 0
    while count < start.count {
      let more = try start.withUnsafeMutableBytes {
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
      }
      if more == 0 { break }
      count += more
    }
    return Array(start[..<count])
  }

  /// Compressed, or with a zero byte as every header of tar has it: a Dockerfile is neither.
  private static func isArchive(_ start: [UInt8]) -> Bool {
    let magics: [[UInt8]] = [
      [0x1F, 0x8B], Array("BZh".utf8), [0xFD, 0x37, 0x7A, 0x58, 0x5A], [0x28, 0xB5, 0x2F, 0xFD],
    ]
    return magics.contains { start.starts(with: $0) } || start.contains(0)
  }

  /// The directory of a context with a name.
  static func directory(
    of context: NamedContext, _ store: ContentStore, _ remotes: any RemoteSources
  ) async throws -> PathBytes? {
    switch context {
    case .directory(let path): return path
    case .repository(let repository): return try await directory(of: repository, remotes)
    case .address(let address):
      let file = try await remotes.fetch(RemoteFile(url: address))
      return try unpackContext(
        from: try FileDescriptor.open(file.path), named: withoutCredentials(address), store)
    case .image, .layout, .located, .rootFileSystem: return nil
    }
  }

  private static func unpackContext(
    from file: consuming FileDescriptor, startingWith start: [UInt8] = [], named name: String,
    _ store: ContentStore
  ) throws -> PathBytes {
    let directory = store.temporaryPath()
    try makeDirectory(directory, mode: 0o700)
    do {
      try unpackArchive(file, startingWith: start, into: directory)
    } catch let error as any DiagnosticConvertible {
      throw InputError.badContextArchive(name, problem: error.diagnostic.message)
    }
    return directory
  }
}
