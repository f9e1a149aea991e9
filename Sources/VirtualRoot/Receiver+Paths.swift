// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

/// How the kernel resolves a path for us: never outside the root, never through `/proc/PID/fd`.
private let inRoot = UInt64(RESOLVE_IN_ROOT) | UInt64(RESOLVE_NO_MAGICLINKS)
private let beneath = UInt64(RESOLVE_BENEATH) | UInt64(RESOLVE_NO_MAGICLINKS)

extension Receiver {
  /// Opens `path` with O_PATH, from the root, the working directory or the descriptor `directory`.
  func node(
    _ call: Call, at directory: Int32, _ path: PathBuffer, follow: Bool, _ state: ProcessState
  ) throws(Errno) -> Node {
    try file(call, at: directory, path, follow: follow, state).takeNode()
  }

  /// What `path` leads to.
  func file(
    _ call: Call, at directory: Int32, _ path: PathBuffer, follow: Bool, _ state: ProcessState
  ) throws(Errno) -> File {
    let flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)
    if let found = try open(call, at: directory, path, flags: flags, state) {
      return try file(Node(owning: found, domain: .tree))
    }
    return try file(
      try walker.file(
        path, from: try start(call, at: directory, path, state), follow: follow,
        for: caller(call, state)))
  }

  /// With its state; what is mounted there for a place of a mount.
  func file(_ node: consuming Node) throws(Errno) -> File {
    let inode = try visibleInode(of: node)
    if inode.looksLikeMountPoint, let mount = world.mounts.mount(onStub: inode.number) {
      let root = Node(borrowing: mount.number, domain: mount.domain)
      return File(root, try world.inode(of: mount.number, mount.domain))
    }
    return File(node, inode)
  }

  /// What stands behind a descriptor of the caller.
  func file(_ call: Call, behind number: Int32) throws(Errno) -> File {
    let node = try descriptor(call, number)
    let inode = try visibleInode(of: node)
    return File(node, inode)
  }

  /// The directory and name that `path` stands for.
  ///
  /// - Parameter name: Gets the name.
  func place(
    _ call: Call, at directory: Int32, _ path: PathBuffer, _ name: PathBuffer, follow: Bool = false,
    _ state: ProcessState
  ) throws(Errno) -> Place {
    if !follow, let place = try plainPlace(call, at: directory, path, name, state) { return place }
    return try walker.place(
      path, from: try start(call, at: directory, path, state), name, follow: follow,
      for: caller(call, state))
  }

  /// Lets the kernel open a path that has nothing special about it.
  ///
  /// - Returns: A descriptor for the caller of this to close, or nil when the path must be walked.
  func open(
    _ call: Call, at directory: Int32, _ path: PathBuffer, flags: Int32, _ state: ProcessState
  ) throws(Errno) -> Int32? {
    guard state.credentials.ignoresPermissions else { return nil }
    let number: Int32
    if path.isAbsolute {
      if world.mounts.covers(path) { return nil }
      number = caisson_open_resolved(world.root, path.start, UInt64(flags), 0, inRoot)
    } else if directory == AT_FDCWD {
      guard state.workingDirectory.domain == .tree else { return nil }
      number = caisson_open_resolved(
        state.workingDirectory.number, path.start, UInt64(flags), 0, beneath)
    } else {
      let base = try self.base(call, directory)
      guard base.domain == .tree else { return nil }
      number = caisson_open_resolved(base.number, path.start, UInt64(flags), 0, beneath)
    }
    if number >= 0 { return number }
    let errno = Errno.current
    // EACCES: there is a mount on the way. EXDEV: the path leaves the directory.
    if errno.code == EACCES || errno.code == EXDEV { return nil }
    throw errno
  }

  private func plainPlace(
    _ call: Call, at directory: Int32, _ path: PathBuffer, _ name: PathBuffer,
    _ state: ProcessState
  ) throws(Errno) -> Place? {
    guard state.credentials.ignoresPermissions else { return nil }
    var end = path.count
    while end > 0 && path.start[end - 1] == slash { end -= 1 }
    guard end > 0 else { return nil }
    var begin = end
    while begin > 0 && path.start[begin - 1] != slash { begin -= 1 }
    guard end - begin <= 255 else { throw Errno(ENAMETOOLONG) }
    name.removeAll()
    try name.append(path.start + begin, count: end - begin)
    let endsInSlash = end < path.count
    if begin == 0 {
      let base = try base(call, directory, state)
      guard base.domain == .tree else { return nil }
      return Place(try file(base), UnsafePointer(name.start), mustBeDirectory: endsInSlash)
    }
    let (count, cut) = (path.count, path.start[begin])
    path.setCount(begin)
    defer {
      path.start[begin] = cut
      path.setCount(count)
    }
    let flags = O_PATH | O_DIRECTORY | O_CLOEXEC
    guard let number = try open(call, at: directory, path, flags: flags, state) else { return nil }
    let found = try file(Node(owning: number, domain: .tree))
    guard found.node.domain == .tree else { return nil }
    return Place(found, UnsafePointer(name.start), mustBeDirectory: endsInSlash)
  }

  private func caller(_ call: Call, _ state: ProcessState) -> Walker.Caller {
    Walker.Caller(
      thread: call.thread,
      credentials: state.credentials.ignoresPermissions ? nil : state.credentials)
  }

  private func start(
    _ call: Call, at directory: Int32, _ path: PathBuffer, _ state: ProcessState
  ) throws(Errno) -> Node {
    path.isAbsolute
      ? Node(borrowing: world.root, domain: .tree) : try base(call, directory, state)
  }

  /// What a relative path begins at.
  func base(_ call: Call, _ directory: Int32, _ state: ProcessState) throws(Errno) -> Node {
    if directory == AT_FDCWD {
      return Node(
        borrowing: state.workingDirectory.number, domain: state.workingDirectory.domain)
    }
    return try base(call, directory)
  }

  private func base(_ call: Call, _ directory: Int32) throws(Errno) -> Node {
    let node = try self.descriptor(call, directory)
    guard try world.inode(of: node.number, node.domain).isDirectory else { throw .notDirectory }
    return node
  }

  /// What stands behind a descriptor of the caller, opened anew with O_PATH.
  ///
  /// - Throws: EBADF when there is none.
  func descriptor(_ call: Call, _ number: Int32) throws(Errno) -> Node {
    guard number >= 0 else { throw Errno(EBADF) }
    let opened = withDescriptorPath(call.thread, number) { Glibc.open($0, O_PATH | O_CLOEXEC) }
    guard opened >= 0 else {
      let errno = Errno.current
      throw errno.code == ENOENT ? Errno(EBADF) : errno
    }
    var node = Node(owning: opened, domain: .system)
    let inode = try world.inode(of: node.number, .system)
    let domain = world.domain(ofDevice: inode.device)
    if world.isListing(inode) {
      return Node(borrowing: world.processes, domain: .process)
    }
    if domain != .system { node = Node(owning: try node.release(), domain: domain) }
    return node
  }
}

/// Calls `body` with `/proc/PROCESS/fd/NUMBER`.
func withDescriptorPath<Result>(
  _ process: pid_t, _ number: Int32, _ body: (UnsafePointer<CChar>) -> Result
) -> Result {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 48) { text in
    guard let start = text.baseAddress else { preconditionFailure("an empty allocation") }
    var end = start
    end += copy("/proc/", to: end)
    end += format(Int(process), at: end)
    end += copy("/fd/", to: end)
    end += format(Int(number), at: end)
    end.pointee = 0
    return body(start)
  }
}

/// Calls `body` with `/proc/self/fd/NUMBER`, which leads to a descriptor of our own.
func withOwnPath<Result>(_ number: Int32, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 40) { text in
    guard let start = text.baseAddress else { preconditionFailure("an empty allocation") }
    var end = start
    end += copy("/proc/self/fd/", to: end)
    end += format(Int(number), at: end)
    end.pointee = 0
    return body(start)
  }
}

private func copy(_ text: StaticString, to place: UnsafeMutablePointer<CChar>) -> Int {
  memcpy(place, text.utf8Start, text.utf8CodeUnitCount)
  return text.utf8CodeUnitCount
}
