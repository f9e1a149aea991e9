// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension Receiver {
  /// `open` with O_CREAT: it has to be known whether the file was made.
  func create(
    _ call: Call, _ request: OpenRequest, _ path: PathBuffer, _ state: ProcessState
  ) throws(Errno) -> Answer {
    var follow = false
    // Others may make and remove the name meanwhile.
    for _ in 0..<100 {
      let place = try place(
        call, at: request.directory, path, firstName, follow: follow, state)
      guard place.directory.node.domain == .tree else {
        let found = try file(call, at: request.directory, path, follow: request.follows, state)
        if request.has(O_EXCL) { throw .exists }
        return try open(call, request, found, state)
      }
      if place.mustBeDirectory || isDots(place.name) { throw .isDirectory }
      if let number = try make(request, place, state) {
        return .descriptor(number, closeOnExec: request.closeOnExec)
      }
      if request.has(O_EXCL) { throw .exists }
      let number = openat(place.number, place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
      guard number >= 0 else {
        if Errno.current == .noSuchFile { continue }
        throw Errno.current
      }
      let found = try file(Node(owning: number, domain: .tree))
      if found.inode.isSymbolicLink {
        guard request.follows, !follow else { throw .tooManyLinks }
        follow = true
        continue
      }
      return try open(call, request, found, state)
    }
    throw .tooManyLinks
  }

  /// - Returns: Nil when the name is taken.
  private func make(_ request: OpenRequest, _ place: borrowing Place, _ state: ProcessState)
    throws(Errno) -> Int32?
  {
    var raw = statx()
    if statx(place.number, place.name, AT_SYMLINK_NOFOLLOW, 0, &raw) == 0 { return nil }
    try checkChange(in: place.directory, state)
    let new = newFile(FileMode.regular | request.mode, in: place.directory.inode, state)
    let flags = request.reopening | O_CREAT | O_EXCL | O_NOFOLLOW
    let number = openat(place.number, place.name, flags, mode_t(new.permissionsOnDisk))
    guard number >= 0 else {
      if Errno.current == .exists { return nil }
      throw Errno.current
    }
    do throws(Errno) { try settle(new, number) } catch {
      close(number)
      throw error
    }
    noteName(place.name, in: place.directory)
    return number
  }

  /// `openat2`: as `openat`, with the caller's limits on the way (openat2(2), `resolve`).
  func openResolved(_ call: Call) throws(Errno) -> Answer {
    guard call.a3 >= 24 else { throw .invalidArgument }
    let how = try read(Int(min(call.a3, 4096)), at: call.a2, of: call)
    if how.dropFirst(24).contains(where: { $0 != 0 }) { throw Errno(E2BIG) }
    let flags = how.loadUnaligned(as: UInt64.self)
    let mode = how.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let resolve = how.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    guard flags <= UInt32.max, mode & ~0o7777 == 0, resolve & ~0x3F == 0 else {
      throw .invalidArgument
    }
    let request = OpenRequest(
      directory: call.i0, flags: Int32(truncatingIfNeeded: flags), mode: UInt32(mode))
    guard mode == 0 || request.creates || request.isTemporary else { throw .invalidArgument }
    let state = try state(of: call)
    try readName(at: call.a1, of: call, into: firstPath)
    if resolve == 0 { return try open(call, request, firstPath, state) }
    return try open(call, request, firstPath, limits: resolve, state)
  }

  private func open(
    _ call: Call, _ request: OpenRequest, _ path: PathBuffer, limits: UInt64, _ state: ProcessState
  ) throws(Errno) -> Answer {
    try request.check()
    // RESOLVE_CACHED: nothing here is sure not to wait.
    if limits & 0x20 != 0 { throw Errno(EAGAIN) }
    let staysBelow = limits & UInt64(RESOLVE_BENEATH | RESOLVE_IN_ROOT) != 0
    if limits & UInt64(RESOLVE_BENEATH) != 0 && path.isAbsolute { throw .crossDevice }
    let fromRoot = path.isAbsolute && !staysBelow
    let base =
      fromRoot
      ? Node(borrowing: world.root, domain: .tree) : try base(call, request.directory, state)
    guard base.domain == .tree else { throw .crossDevice }
    let ours = UInt64(staysBelow ? 0 : fromRoot ? RESOLVE_IN_ROOT : RESOLVE_BENEATH)
    let resolve = limits | ours | UInt64(RESOLVE_NO_MAGICLINKS)
    let search = O_PATH | O_CLOEXEC | (request.follows ? 0 : O_NOFOLLOW)
    let number = caisson_open_resolved(base.number, path.start, UInt64(search), 0, resolve)
    if number >= 0 {
      let found = try file(Node(owning: number, domain: .tree))
      if request.creates && request.has(O_EXCL) { throw .exists }
      return try open(call, request, found, state)
    }
    let errno = Errno.current
    if errno == .accessDenied || errno == .crossDevice, !staysBelow {
      // There is a mount, or a link that leaves the directory, on the way.
      let found = try file(
        walker.file(
          path, from: base, follow: request.follows,
          for: Walker.Caller(
            thread: call.thread,
            credentials: state.credentials.ignoresPermissions ? nil : state.credentials,
            limits: limits)))
      return try open(call, request, found, state)
    }
    guard errno == .noSuchFile, request.creates else { throw errno }
    let new = newFile(FileMode.regular | request.mode, in: try inodeOfParent(base, path), state)
    let making = caisson_open_resolved(
      base.number, path.start, UInt64(request.reopening | O_CREAT | O_EXCL),
      UInt64(new.permissionsOnDisk), resolve)
    guard making >= 0 else { throw Errno.current }
    try settle(new, making)
    if (try? world.readHostPath(of: making, into: hostPath)) != nil {
      world.note(hostPath, .name)
      let parent = hostPath.path.parent
      hostPath.removeAll()
      try hostPath.append(parent)
      world.note(hostPath, .metadata)
    }
    return .descriptor(making, closeOnExec: request.closeOnExec)
  }

  private func inodeOfParent(_ base: borrowing Node, _ path: PathBuffer) throws(Errno) -> Inode {
    let parent = path.path.parent
    guard !parent.isEmpty else { return try world.inode(of: base.number, .tree) }
    let number = parent.withCString {
      caisson_open_resolved(
        base.number, $0, UInt64(O_PATH | O_CLOEXEC), 0,
        UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS))
    }
    guard number >= 0 else { throw Errno.current }
    defer { close(number) }
    return try world.inode(of: number, .tree)
  }
}

/// Whether a name is `.` or `..`.
func isDots(_ name: UnsafePointer<CChar>) -> Bool {
  name[0] == dot && (name[1] == 0 || name[1] == dot && name[2] == 0)
}
