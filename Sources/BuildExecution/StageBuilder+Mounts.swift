// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Glibc
import Layers
import LinuxSystem
import RecordedFiles
import Sandboxing

/// The mounts of one command, ready to be shown.
struct CommandMounts {
  var list: [SandboxMount] = []
  /// `NAME=value`, of secrets and agents.
  var environment: [String] = []
  /// Locked as long as the command runs.
  var caches: [CacheDirectory] = []
  var agents: [AgentForwarder] = []
  /// Of this command alone; removed behind it.
  var directories: [PathBytes] = []
}

extension StageBuilder {
  /// - Parameter root: Is prepared.
  func mounts(_ run: RunStep, in root: any StepRoot, _ id: BuildEvent.StepID) async throws
    -> CommandMounts
  {
    var mounts = CommandMounts()
    do {
      for mount in run.mounts { try await add(mount, to: &mounts, root, id) }
    } catch {
      remove(mounts)
      throw error
    }
    return mounts
  }

  func remove(_ mounts: CommandMounts) {
    for agent in mounts.agents { agent.stop() }
    for directory in mounts.directories { try? removeTree(directory) }
  }

  private func add(
    _ mount: RunMount, to mounts: inout CommandMounts, _ root: any StepRoot,
    _ id: BuildEvent.StepID
  ) async throws {
    switch mount.content {
    case .files(let origin, let path):
      let place = try await files(of: origin, path, mount, root, &mounts)
      mounts.add(mount, .place(place))
    case .cache(let cache):
      let directory = try await CacheDirectory.take(
        cache, isRecorded: root.records != nil, in: surroundings.fetcher.store)
      if directory.isNew { try await fill(directory, cache, mount, root) }
      if let records = root.records { try directory.load(into: records) }
      mounts.caches.append(directory)
      mounts.add(mount, .place(try directory.directory(at: cache.path)))
    case .temporary(let size):
      if size != nil, root.records != nil {
        warn("the virtual sandbox does not keep mounts of type tmpfs to a size", id)
      }
      mounts.add(mount, .temporary(sizeInBytes: size))
    case .secret(let name, let isRequired, let variable):
      guard let secret = surroundings.secrets[name] else {
        guard isRequired else { return }
        throw ExecutionError.missingSecret(name, at: mount.source)
      }
      try mounts.add(mount, secret, variable)
    case .agent(let name, let isRequired):
      guard let socket = surroundings.agents[name] else {
        guard isRequired else { return }
        throw ExecutionError.missingAgent(name, at: mount.source)
      }
      mounts.add(mount, .place(try forward(socket, mount, root, &mounts)))
      let target = mount.target ?? ""
      if !mounts.environment.contains(where: { $0.hasPrefix("SSH_AUTH_SOCK=") }) {
        mounts.environment.append("SSH_AUTH_SOCK=" + target)
      }
    }
  }

  func warn(_ text: String, _ id: BuildEvent.StepID) {
    report(.stepOutput(id, Array("warning: \(text)\n".utf8), isError: true))
  }

  private func forward(
    _ agent: PathBytes, _ mount: RunMount, _ root: any StepRoot, _ mounts: inout CommandMounts
  ) throws -> PathBytes {
    let directory = surroundings.fetcher.store.temporaryPath()
    try makeDirectory(directory, mode: 0o755)
    mounts.directories.append(directory)
    let forwarder = try AgentForwarder(to: agent, in: directory)
    mounts.agents.append(forwarder)
    let path = forwarder.path
    if let records = root.records {
      records.set(
        FileRecord(uid: mount.uid, gid: mount.gid, mode: UInt32(S_IFSOCK) | mount.mode),
        for: try FileKey(of: path, at: AT_FDCWD))
    } else {
      try retrying("chown", path) { path.withCString { chown($0, mount.uid, mount.gid) } }
      try retrying("chmod", path) { path.withCString { chmod($0, mode_t(mount.mode)) } }
    }
    return path
  }

  // MARK: - Files

  private struct FilesKey: Hashable {
    var origin: FileOrigin
    var path: String
  }

  /// Puts files of the origin into a directory of the store; those that nobody can change serve
  /// later commands of the stage as well.
  private func files(
    of origin: FileOrigin, _ path: String, _ mount: RunMount, _ root: any StepRoot,
    _ mounts: inout CommandMounts
  ) async throws -> PathBytes {
    let key = AnyHashable(FilesKey(origin: origin, path: path))
    if mount.isReadOnly, let known = mountedFiles[key] { return known }
    let directory = surroundings.fetcher.store.temporaryPath()
    try makeDirectory(directory, mode: 0o755)
    // Before it is filled, so that it is removed when that fails.
    mounts.directories.append(directory)
    let place = try await put(origin, path, into: directory, root, at: mount.source)
    if mount.isReadOnly {
      mounts.directories.removeLast()
      mountedDirectories.append(directory)
      mountedFiles[key] = place
    }
    return place
  }

  private func fill(
    _ directory: CacheDirectory, _ cache: RunMount.Cache, _ mount: RunMount, _ root: any StepRoot
  ) async throws {
    var entry = LayerEntry.implicitDirectory("", modified: .now)
    (entry.uid, entry.gid, entry.permissions) = (mount.uid, mount.gid, mount.mode)
    let place = try directory.temporaryDirectory()
    do {
      if let seed = cache.seed {
        _ = try await put(seed.origin, seed.path, into: place, root, at: mount.source)
      }
      var unpacker = try LayerUnpacker(
        into: place, over: FileTree(), lower: [], style: root.mountStyle)
      unpacker.begin()
      try unpacker.put(entry) { _ in }
      try unpacker.finish()
    } catch {
      try? removeTree(place)
      throw error
    }
    try directory.appear(from: place)
  }

  /// - Returns: `directory` itself, or the one file in it.
  private func put(
    _ origin: FileOrigin, _ path: String, into directory: PathBytes, _ root: any StepRoot,
    at range: SourceRange
  ) async throws -> PathBytes {
    let files = try await originFiles(origin)
    let sources: any CopySources =
      if let files {
        TreeSources(tree: try await files.tree(), origin: origin.description, range: range)
      } else {
        ContextSources(context: try context(origin), range: range)
      }
    let source = try sources.existing(PathBytes(path))
    var layout = CopyLayout(
      tree: FileTree(),
      attributes: CopyLayout.Attributes(owner: nil, mode: nil, impliedTime: impliedTime), at: range)
    let isDirectory = sources.isDirectory(source)
    let target: PathBytes = isDirectory ? "" : "file"
    try sources.add(source, to: &layout, at: target)
    var unpacker = try LayerUnpacker(
      into: directory, over: FileTree(), lower: [], style: root.mountStyle)
    unpacker.begin()
    if isDirectory { try unpacker.put(try sources.entry(source)) { _ in } }
    try await put(layout, from: files, &unpacker)
    try unpacker.finish()
    return directory.appending(target)
  }

  private func put(
    _ layout: CopyLayout, from files: LayeredFiles?, _ unpacker: inout LayerUnpacker
  ) async throws {
    let items = layout.items.values.sorted { $0.entry.path < $1.entry.path }
    var inodes: [ObjectIdentifier: [LayerEntry]] = [:]
    var wanted: [FileTree.Inode] = []
    for item in items where !item.entry.isHardLink {
      switch item.content {
      case .none: try unpacker.put(item.entry) { _ in }
      case .context(let path, let context):
        let file = try context.open(path)
        try unpacker.put(item.entry) {
          _ = try $0.append(item.entry.sizeInBytes, from: file, at: 0)
        }
      case .inode(let inode):
        if inodes[ObjectIdentifier(inode)] == nil { wanted.append(inode) }
        inodes[ObjectIdentifier(inode), default: []].append(item.entry)
      case .bytes, .archived, .fetched: preconditionFailure("no mount has them")
      }
      try Task.checkCancellation()
    }
    try await files?.forEachContent(of: wanted) { inode, pieces in
      // A file of one inode has one entry here: its other names are links.
      guard let entry = inodes[ObjectIdentifier(inode)]?.first else { return }
      try unpacker.put(entry) { file in try pieces { try file.writeAll($0) } }
    }
    for item in items where item.entry.isHardLink { try unpacker.put(item.entry) { _ in } }
  }
}

extension LayerEntry {
  fileprivate var isHardLink: Bool { if case .hardLink = kind { true } else { false } }
}

extension CommandMounts {
  fileprivate mutating func add(_ mount: RunMount, _ content: SandboxMount.Content) {
    guard let target = mount.target else { return }
    list.append(
      SandboxMount(
        at: PathBytes(target).normalizedInRoot, content, isReadOnly: mount.isReadOnly))
  }

  fileprivate mutating func add(_ mount: RunMount, _ secret: BuildSecret, _ variable: String?)
    throws
  {
    if let variable {
      guard let text = String(validating: secret.revealed, as: UTF8.self), !text.contains("\0")
      else { throw ExecutionError.secretIsNoText(at: mount.source) }
      environment.append("\(variable)=\(text)")
    }
    add(
      mount,
      .file(
        SandboxMount.File(
          content: secret.revealed, uid: mount.uid, gid: mount.gid, permissions: mount.mode)))
  }
}
