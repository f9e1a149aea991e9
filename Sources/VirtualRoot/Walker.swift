// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

/// Resolves paths name by name: where mounts are on the way, links leave a directory, or permissions
/// have to be looked at. The kernel does the plain ones in one call (``Receiver/node(_:at:_:follow:_:)``).
///
/// path_resolution(7).
final class Walker {
  /// What the last component of a path is wanted for.
  enum Goal {
    /// The file itself.
    case file(follow: Bool)
    /// The directory a name stands in; with `follow`, that of what a link at the end leads to.
    case place(follow: Bool)
  }

  /// On whose behalf.
  struct Caller {
    var thread: pid_t
    /// Permissions are not checked when absent.
    var credentials: Credentials?
    /// What the way must not have: RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS.
    var limits: UInt64 = 0

    func forbids(_ limit: Int32) -> Bool { limits & UInt64(limit) != 0 }
  }

  private let world: World
  private var rest = PathBuffer()
  private var spare = PathBuffer()
  private var position = 0
  private var links = 0
  /// Where the walk stands within `/proc`, without leading slash, when it stands there.
  let processPath = PathBuffer()
  /// The last component, when the goal is a place.
  let lastName = PathBuffer()

  private var current: Int32 = -1
  private var isCurrentOwned = false
  private(set) var domain = Domain.tree
  private var caller = Caller(thread: 0)

  init(_ world: World) { self.world = world }

  /// - Parameter start: Where a relative path begins; an absolute one begins at the root.
  func file(_ path: PathBuffer, from start: borrowing Node, follow: Bool, for caller: Caller)
    throws(Errno) -> Node
  {
    _ = try walk(path, from: start, .file(follow: follow), for: caller)
    return take()
  }

  /// - Parameter name: Gets the last component.
  func place(
    _ path: PathBuffer, from start: borrowing Node, _ name: PathBuffer, follow: Bool,
    for caller: Caller
  ) throws(Errno) -> Place {
    let mustBeDirectory = try walk(path, from: start, .place(follow: follow), for: caller)
    name.copy(lastName)
    let directory = take()
    let inode = try world.inode(of: directory.number, directory.domain)
    return Place(
      File(directory, inode), UnsafePointer(name.start), mustBeDirectory: mustBeDirectory)
  }

  private func take() -> Node {
    defer { (current, isCurrentOwned) = (-1, false) }
    return isCurrentOwned
      ? Node(owning: current, domain: domain) : Node(borrowing: current, domain: domain)
  }

  private func move(to number: Int32, owned: Bool, _ domain: Domain) {
    if isCurrentOwned { close(current) }
    (current, isCurrentOwned, self.domain) = (number, owned, domain)
  }

  /// - Returns: Whether the path ends in a slash, for a place.
  private func walk(
    _ path: PathBuffer, from start: borrowing Node, _ goal: Goal, for caller: Caller
  ) throws(Errno) -> Bool {
    self.caller = caller
    links = 0
    move(to: world.root, owned: false, .tree)
    if !path.isAbsolute {
      move(to: start.number, owned: false, start.domain)
      if start.domain == .process { try readProcessPath(of: start.number) }
    }
    rest.copy(path)
    position = 0
    do throws(Errno) {
      return try walk(goal)
    } catch {
      move(to: -1, owned: false, .tree)
      throw error
    }
  }

  private func walk(_ goal: Goal) throws(Errno) -> Bool {
    while true {
      while rest.start[position] == slash { position += 1 }
      let start = position
      while rest.start[position] != 0 && rest.start[position] != slash { position += 1 }
      let count = position - start
      if count == 0 {
        // The root, or a link that ended in a slash.
        guard case .place = goal else { return false }
        try setLastName(".", count: 1)
        return false
      }
      var next = position
      while rest.start[next] == slash { next += 1 }
      let isLast = rest.start[next] == 0
      let endsInSlash = isLast && next > position
      if count > 255 { throw Errno(ENAMETOOLONG) }
      try checkSearch()
      let name = rest.start + start
      if isLast, case .place(let follow) = goal {
        try setLastName(name, count: count)
        if !follow { return endsInSlash }
        guard try followLink(lastName) else { return endsInSlash }
        continue
      }
      let follow = if case .file(let follow) = goal { follow } else { true }
      try step(name, count: count, follow: !isLast || endsInSlash || follow)
      if endsInSlash { try checkDirectory() }
    }
  }

  private func setLastName(_ name: UnsafePointer<CChar>, count: Int) throws(Errno) {
    lastName.removeAll()
    try lastName.append(name, count: count)
  }

  /// Goes on at the target when there is a link of this name here.
  private func followLink(_ name: PathBuffer) throws(Errno) -> Bool {
    // Those of `/proc` lead nowhere that a name could be made.
    guard domain != .process else { return false }
    let number = openat(current, name.start, O_PATH | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { return false }
    defer { close(number) }
    guard try world.inode(of: number, domain).isSymbolicLink else { return false }
    try goOn(atTargetOf: number)
    return true
  }

  private func step(_ name: UnsafeMutablePointer<CChar>, count: Int, follow: Bool) throws(Errno) {
    if count == 1 && name[0] == dot { return try checkDirectory() }
    if count == 2 && name[0] == dot && name[1] == dot { return try goUp() }
    let end = name[count]
    name[count] = 0
    defer { name[count] = end }
    if domain == .process { return try stepInProcesses(name, count: count, follow: follow, end) }
    let number = openat(current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    let inode: Inode
    do throws(Errno) { inode = try world.inode(of: number, domain) } catch {
      close(number)
      throw error
    }
    if inode.looksLikeMountPoint, let mount = world.mounts.mount(onStub: inode.number) {
      close(number)
      if caller.forbids(RESOLVE_NO_XDEV) { throw .crossDevice }
      processPath.removeAll()
      return move(to: mount.number, owned: false, mount.domain)
    }
    guard inode.isSymbolicLink && follow else { return move(to: number, owned: true, domain) }
    defer { close(number) }
    name[count] = end
    try goOn(atTargetOf: number)
  }

  private func goOn(atTargetOf link: Int32) throws(Errno) {
    spare.removeAll()
    try spare.readLink(link, "")
    try goOn(at: spare)
  }

  /// Puts the text of a link, which is in `spare`, before the rest of the path.
  private func goOn(at target: PathBuffer) throws(Errno) {
    links += 1
    if links > 40 || caller.forbids(RESOLVE_NO_SYMLINKS) { throw Errno(ELOOP) }
    if target.isEmpty { throw Errno(ENOENT) }
    let isAbsolute = target.isAbsolute
    try target.append(rest.start + position, count: rest.count - position)
    swap(&rest, &spare)
    position = 0
    if isAbsolute { move(to: world.root, owned: false, .tree) }
  }

  private func goUp() throws(Errno) {
    if domain == .process {
      guard !processPath.isEmpty else { return try move(above: world.mounts.processes) }
      var count = processPath.count
      while count > 0 && processPath.start[count - 1] != slash { count -= 1 }
      processPath.setCount(max(0, count - 1))
      return try moveUp()
    }
    let inode = try world.inode(of: current, domain)
    if inode.number == world.rootInode { return }
    if let mount = world.mounts.mount(withRoot: inode.number) { return try move(above: mount) }
    try checkDirectory()
    try moveUp()
  }

  private func moveUp() throws(Errno) {
    let number = openat(current, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    move(to: number, owned: true, domain)
  }

  private func move(above mount: ActiveMount?) throws(Errno) {
    guard let mount, !mount.path.parent.isEmpty else {
      return move(to: world.root, owned: false, .tree)
    }
    // Places of mounts have no links on their way, and at most another mount above.
    if let outer = world.mounts.mounts.first(where: { $0.path == mount.path.parent }) {
      return move(to: outer.number, owned: false, outer.domain)
    }
    let number = mount.path.parent.withCString {
      openat(world.root, $0, O_PATH | O_DIRECTORY | O_CLOEXEC)
    }
    guard number >= 0 else { throw Errno.current }
    move(to: number, owned: true, .tree)
  }

  private func checkDirectory() throws(Errno) {
    guard try world.inode(of: current, domain).isDirectory else { throw .notDirectory }
  }

  /// Whether names of the current directory may be looked up.
  private func checkSearch() throws(Errno) {
    guard let credentials = caller.credentials, domain == .tree else { return }
    let inode = try world.inode(of: current, domain)
    guard inode.isDirectory else { throw .notDirectory }
    guard world.permits(inode, X_OK, credentials) else { throw .accessDenied }
  }
}

// MARK: - Within /proc

extension Walker {
  private func stepInProcesses(
    _ name: UnsafeMutablePointer<CChar>, count: Int, follow: Bool, _ end: CChar
  ) throws(Errno) {
    if processPath.isEmpty {
      if follow, strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0 {
        let isThread = name[0] == CChar(UInt8(ascii: "t"))
        return try enterDirectory(
          of: processGroup(of: caller.thread), thread: isThread ? caller.thread : nil)
      }
      if strcmp(name, "1") == 0, let first = world.firstProcess {
        return try enterDirectory(of: first)
      }
      if let process = decimal(name, count: count), !world.states.contains(process) {
        throw Errno(ENOENT)
      }
    } else if follow, try jump(name, end: end, count: count) {
      return
    }
    let number = openat(current, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    if follow, (try? world.inode(of: number, .process).isSymbolicLink) == true {
      defer { close(number) }
      name[count] = end
      return try goOn(atTargetOf: number)
    }
    move(to: number, owned: true, .process)
    if !processPath.isEmpty { try processPath.append(byte: slash) }
    try processPath.append(name, count: count)
  }

  private func enterDirectory(of process: pid_t, thread: pid_t? = nil) throws(Errno) {
    processPath.removeAll()
    try processPath.append(number: Int(process))
    if let thread {
      try processPath.append("/task/", count: 6)
      try processPath.append(number: Int(thread))
    }
    let number = openat(world.processes, processPath.start, O_PATH | O_CLOEXEC)
    guard number >= 0 else { throw Errno.current }
    move(to: number, owned: true, .process)
  }

  /// Follows a link of `/proc` whose text says nothing to the kernel: `cwd`, `root`, `exe`, `fd/N`.
  ///
  /// - Returns: False when `name` is none.
  private func jump(_ name: UnsafeMutablePointer<CChar>, end: CChar, count: Int) throws(Errno)
    -> Bool
  {
    let view = ProcessFile(processPath)
    guard let process = view.process else { return false }
    if view.isDirectoryOfDescriptors {
      guard decimal(name, count: count) != nil else { return false }
      try checkJump()
      let number = openat(current, name, O_PATH | O_CLOEXEC)
      guard number >= 0 else { throw Errno.current }
      try enter(number)
      return true
    }
    // Without CAP_CHECKPOINT_RESTORE.
    if view.name == "map_files" { throw .notPermitted }
    if view.name == "ns" {
      let number = openat(current, name, O_PATH | O_CLOEXEC)
      guard number >= 0 else { throw Errno.current }
      try enter(number)
      return true
    }
    guard view.isDirectoryOfProcess else { return false }
    if ["cwd", "root", "exe"].contains(String(cString: name)) { try checkJump() }
    switch String(cString: name) {
    case "cwd":
      guard let state = world.states.state(of: process) else { throw Errno(ENOENT) }
      let copy = caisson_fcntl_int(state.workingDirectory.number, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw Errno.current }
      try enter(copy)
    case "root": move(to: world.root, owned: false, .tree)
    case "exe":
      guard let state = world.states.state(of: process) else { throw Errno(ENOENT) }
      if let copy = world.programs.copyOfUnnamed(state.executable) {
        try enter(copy)
        return true
      }
      spare.removeAll()
      try spare.append(state.executable)
      name[count] = end
      try goOn(at: spare)
    default: return false
    }
    return true
  }

  private func checkJump() throws(Errno) {
    if caller.forbids(RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS) { throw .tooManyLinks }
  }

  /// Moves to a descriptor of any kind of file.
  private func enter(_ number: Int32) throws(Errno) {
    do throws(Errno) {
      let domain = world.domain(ofDevice: try world.inode(of: number, .system).device)
      if domain == .process { try readProcessPath(of: number) }
      move(to: number, owned: true, domain)
    } catch {
      close(number)
      throw error
    }
  }

  /// Finds out where within `/proc` a descriptor leads.
  func readProcessPath(of number: Int32) throws(Errno) {
    try world.readHostPath(of: number, into: processPath)
    guard processPath.count >= 5, strncmp(processPath.start, "/proc", 5) == 0 else {
      throw Errno(ENOENT)
    }
    let skipped = processPath.count > 5 ? 6 : 5
    let count = processPath.count - skipped
    memmove(processPath.start, processPath.start + skipped, count)
    processPath.setCount(count)
  }
}
