// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

extension Receiver {
  /// Opens what the sandbox sees in place of a file of `/proc`.
  ///
  /// - Parameters:
  ///   - node: The real file.
  ///   - path: Of the real file within `/proc`, without leading slash, as ``Walker/processPath``.
  ///   - flags: As the caller gave them.
  /// - Returns: A descriptor for the caller of this to close, or nil when the real file is to be
  ///   opened.
  func openProcessFile(
    _ call: Call, _ node: borrowing Node, path: PathBuffer, flags: Int32, _ state: ProcessState
  ) throws(Errno) -> Int32? {
    let file = ProcessFile(path)
    try checkAccess(call, file, flags: flags, state)
    let isDirectory: Bool
    let number: Int32
    switch file.view {
    case .real: return nil
    case .absent: throw .noSuchFile
    case .processes:
      isDirectory = true
      number = try world.processListing.open(Set(members().map(\.process)))
    case .emptyDirectory:
      isDirectory = true
      number = try openEmptyDirectory()
    case .empty:
      isDirectory = false
      number = try openNothing()
    case .status, .limits, .hostname, .mappings, .mounts:
      isDirectory = false
      number = try memoryFile(named: path, try text(of: file, path))
    }
    guard isDirectory || flags & O_DIRECTORY == 0 else {
      close(number)
      throw .notDirectory
    }
    return number
  }

  private func checkAccess(
    _ call: Call, _ file: ProcessFile, flags: Int32, _ state: ProcessState
  ) throws(Errno) {
    if let process = file.process {
      guard let other = world.states.state(of: process)?.credentials else { throw .noSuchFile }
      let isForeign = file.isPrivate && !state.credentials.mayTrace(other)
      if isForeign, processGroup(of: process) != processGroup(of: call.thread) {
        throw .accessDenied
      }
    }
    let writes = flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0
    if writes, let errno = file.writeError { throw errno }
  }

  /// For files of `/proc` that seem to be on a mount that is read-only.
  func checkNotReadOnly(_ node: borrowing Node) throws(Errno) {
    try world.readHostPath(of: node.number, into: processFilePath)
    if ProcessFile(hostPath: processFilePath).writeError == .readOnly { throw .readOnly }
  }

  private func openNothing() throws(Errno) -> Int32 {
    let number = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    return number
  }

  private func openEmptyDirectory() throws(Errno) -> Int32 {
    let path = world.scratch.appending("empty")
    _ = path.withCString { mkdir($0, 0o555) }
    let number = path.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard number >= 0 else { throw Errno.current }
    return number
  }

  // MARK: - Text

  private func text(of file: ProcessFile, _ path: PathBuffer) throws(Errno) -> [UInt8] {
    if case .mounts(let format) = file.view { return mountText.text(format) }
    if file.view == .hostname { return Array("\(world.hostname)\n".utf8) }
    let number = openat(world.processes, path.start, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    let real: [UInt8]
    do {
      real = try contents(of: FileDescriptor(owning: number), limit: 64 << 20)
    } catch {
      throw error.errno
    }
    switch file.view {
    case .status: return ProcessText.status(real, of: try subject(of: file, real))
    case .limits: return ProcessText.limits(real)
    case .mappings: return ProcessText.mappings(real, world.renamings)
    default: return real
    }
  }

  private func subject(of file: ProcessFile, _ text: [UInt8]) throws(Errno)
    -> ProcessText.Subject
  {
    guard let process = file.process, let state = world.states.state(of: process) else {
      throw Errno(ESRCH)
    }
    let tracer = field("TracerPid:", of: text) ?? 0
    return ProcessText.Subject(
      credentials: state.credentials, umask: state.umask,
      isTraced: tracer > 0 && world.states.contains(tracer))
  }

  /// A file in memory that can only be read; its name tells what it stands for
  /// (``processLinkText(_:path:into:)``).
  private func memoryFile(named path: PathBuffer, _ text: [UInt8]) throws(Errno) -> Int32 {
    let name = memoryFilePrefix + path.path.description.prefix(200)
    let noExec: UInt32 = 8
    var number = memfd_create(name, UInt32(MFD_CLOEXEC) | noExec)
    // Before Linux 6.3.
    if number < 0, Errno.current == .invalidArgument {
      number = memfd_create(name, UInt32(MFD_CLOEXEC))
    }
    guard number >= 0 else { throw Errno.current }
    let file = FileDescriptor(owning: number)
    do { try file.writeAll(text) } catch { throw error.errno }
    let opened = withOwnPath(file.number) { Glibc.open($0, O_RDONLY | O_CLOEXEC) }
    guard opened >= 0 else { throw Errno.current }
    return opened
  }

  private var mountText: MountText {
    var entries = [(path: PathBytes("/"), number: world.root, Domain.tree, isReadOnly: false)]
    entries += world.mounts.mounts.map {
      (PathBytes("/").appending($0.path), $0.number, $0.domain, $0.isReadOnly)
    }
    return MountText(
      entries: entries.map { path, number, domain, isReadOnly in
        var raw = statx()
        statx(number, "", AT_EMPTY_PATH, statusMask, &raw)
        return MountText.Entry(
          path: path, domain: domain, isReadOnly: isReadOnly,
          device: (raw.stx_dev_major, raw.stx_dev_minor))
      })
  }
}

private let memoryFilePrefix = "proc:"

// MARK: - Links

extension Receiver {
  /// Writes what the link `path` of `/proc` says to the sandbox into `text`.
  ///
  /// - Returns: False when it says what the kernel says.
  func processLinkText(_ call: Call, path: PathBuffer, into text: PathBuffer) throws(Errno) -> Bool
  {
    let file = ProcessFile(path)
    guard let process = file.process else { return try ownLinkText(call, file, into: text) }
    guard let state = world.states.state(of: process) else { throw .noSuchFile }
    try checkAccess(call, file, flags: O_RDONLY, try self.state(of: call))
    text.removeAll()
    switch file.name {
    case "root": try text.append(byte: slash)
    case "cwd": try world.readVirtualPath(of: state.workingDirectory.number, into: text)
    case "exe":
      if !state.executable.isAbsolute { try text.append(byte: slash) }
      try text.append(state.executable)
    default:
      guard file.name.hasPrefix("fd/") || file.name.hasPrefix("map_files/") else { return false }
      try text.readLink(world.processes, path.start)
      world.makeVirtual(text)
    }
    return true
  }

  private func ownLinkText(_ call: Call, _ file: ProcessFile, into text: PathBuffer)
    throws(Errno) -> Bool
  {
    guard file.name == "self" || file.name == "thread-self" else { return false }
    text.removeAll()
    try text.append(number: Int(processGroup(of: call.thread)))
    guard file.name == "thread-self" else { return true }
    try text.append("/task/", count: 6)
    try text.append(number: Int(call.thread))
    return true
  }

  /// The state of a file as the sandbox sees it: what `/proc` has of a process belongs to the
  /// virtual user. proc(5), "/proc/PID".
  func visibleInode(of node: borrowing Node) throws(Errno) -> Inode {
    var inode = try world.inode(of: node.number, node.domain)
    guard node.domain == .process else { return inode }
    try world.readHostPath(of: node.number, into: processFilePath)
    let file = ProcessFile(hostPath: processFilePath)
    guard let process = file.process,
      let credentials = world.states.state(of: process)?.credentials
    else { return inode }
    let isRoots = !credentials.isDumpable && !file.isDirectoryOfProcess
    inode.raw.stx_uid = isRoots ? 0 : credentials.effectiveUID
    inode.raw.stx_gid = isRoots ? 0 : credentials.effectiveGID
    return inode
  }
}

extension World {
  /// Whether this is what a process got that opened `/proc`.
  func isListing(_ inode: Inode) -> Bool {
    inode.isDirectory && processListing.isListing(inode.number)
  }

  /// Turns the text of a link of `/proc/PID/fd` into what the sandbox is to see.
  fileprivate func makeVirtual(_ text: PathBuffer) {
    guard text.isAbsolute else { return }
    if let path = pathOfMemoryFile(text) {
      text.removeAll()
      try? text.append(path)
    } else {
      replaceHostPrefix(of: text)
    }
  }

  private func pathOfMemoryFile(_ text: PathBuffer) -> PathBytes? {
    let path = text.path
    if path == processListing.path { return "/proc" }
    let prefix = PathBytes("/memfd:" + memoryFilePrefix)
    let suffix = Array(" (deleted)".utf8)
    guard path.hasPrefix(prefix), path.bytes.suffix(suffix.count).elementsEqual(suffix) else {
      return nil
    }
    return PathBytes("/proc").appending(
      PathBytes(path.bytes.dropFirst(prefix.bytes.count).dropLast(suffix.count)))
  }

  /// For the texts that tell of mapped files.
  fileprivate var renamings: [ProcessText.Renaming] {
    var all = [ProcessText.Renaming(from: rootPath, to: "/")]
    all += mounts.mounts.map {
      ProcessText.Renaming(from: $0.hostPath, to: PathBytes("/").appending($0.path))
    }
    // Of ours, and the loader of programs among it.
    all.append(ProcessText.Renaming(from: scratch, to: nil))
    all.append(ProcessText.Renaming(from: "/memfd:loader", to: nil))
    return all.sorted { $0.from.bytes.count > $1.from.bytes.count }
  }
}
