// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension TrappedCall {
  static let openCalls: [TrappedCall] = [
    TrappedCall(SYS_open) { (receiver, call) throws(Errno) in
      try receiver.open(
        call, OpenRequest(directory: AT_FDCWD, flags: call.i1, mode: UInt32(call.a2 & 0o7777)),
        at: call.a0)
    },
    TrappedCall(SYS_creat) { (receiver, call) throws(Errno) in
      let flags = O_CREAT | O_WRONLY | O_TRUNC
      return try receiver.open(
        call, OpenRequest(directory: AT_FDCWD, flags: flags, mode: UInt32(call.a1 & 0o7777)),
        at: call.a0)
    },
    TrappedCall(SYS_openat, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.open(
        call, OpenRequest(directory: call.i0, flags: call.i2, mode: UInt32(call.a3 & 0o7777)),
        at: call.a1)
    },
    TrappedCall(SYS_openat2) { (receiver, call) throws(Errno) in
      try receiver.openResolved(call)
    },
  ]
}

extension Receiver {
  fileprivate func open(_ call: Call, _ request: OpenRequest, at address: UInt64) throws(Errno)
    -> Answer
  {
    let state = try state(of: call)
    try readName(at: address, of: call, into: firstPath)
    return try open(call, request, firstPath, state)
  }

  func open(_ call: Call, _ request: OpenRequest, _ path: PathBuffer, _ state: ProcessState)
    throws(Errno) -> Answer
  {
    try request.check()
    if request.creates && !request.wantsPath { return try create(call, request, path, state) }
    if !request.wantsWrite && !request.wantsPath,
      let number = try openForReading(call, request, path, state)
    {
      return .descriptor(number, closeOnExec: request.closeOnExec)
    }
    return try open(
      call, request, file(call, at: request.directory, path, follow: request.follows, state), state)
  }

  /// Reading needs no more than the kernel's own answer, nearly always.
  ///
  /// - Returns: Nil when it does.
  private func openForReading(
    _ call: Call, _ request: OpenRequest, _ path: PathBuffer, _ state: ProcessState
  ) throws(Errno) -> Int32? {
    // Not opened before it is known to be no FIFO: even a reader that waits for nobody, and is gone
    // again at once, lets a writer begin.
    guard let place = try knownPlace(call, at: request.directory, path, state),
      let inode = try quickStatus(place, follow: true),
      inode.isDirectory || inode.kind == FileMode.regular
    else { return nil }
    // Another file may have taken its place meanwhile; nothing waits here.
    let number = openat(place.directory, place.name, request.reopening | O_NOFOLLOW | O_NONBLOCK)
    guard number >= 0 else {
      let errno = Errno.current
      if errno == .tooManyLinks || errno.code == ENXIO { return nil }
      throw errno
    }
    if !request.has(O_NONBLOCK) {
      caisson_fcntl_int(number, F_SETFL, request.flags & ~O_NONBLOCK)
    }
    return number
  }

  /// Opens what was found.
  func open(
    _ call: Call, _ request: OpenRequest, _ file: consuming File, _ state: ProcessState
  ) throws(Errno) -> Answer {
    if request.isTemporary { return try openTemporary(request, in: file, state) }
    if request.wantsPath { return try openPath(call, request, file) }
    let inode = file.inode
    if file.node.domain == .process, !inode.isSymbolicLink,
      let number = try openProcessFile(
        call, file.node, path: walker.processPath, flags: request.flags, state)
    {
      return .descriptor(number, closeOnExec: request.closeOnExec)
    }
    switch inode.kind {
    case FileMode.symbolicLink: throw .tooManyLinks
    case FileMode.socket: throw Errno(ENXIO)
    case FileMode.directory: if request.wantsWrite || request.creates { throw .isDirectory }
    default: if request.has(O_DIRECTORY) { throw .notDirectory }
    }
    guard
      state.credentials.ignoresPermissions || permits(inode, request.mask, state.credentials)
    else { throw .accessDenied }
    if request.has(O_NOATIME), !inode.isOwned(by: state.credentials) { throw .notPermitted }
    switch inode.kind {
    case FileMode.characterDevice, FileMode.blockDevice:
      return try openDevice(call, request, file)
    case FileMode.fifo: return try openFIFO(call, request, file)
    default: break
    }
    if request.wantsWrite && inode.kind == FileMode.regular {
      if world.isReadOnly(inode) { throw .readOnly }
      if inode.domain == .tree, try world.isProtected(file.number, hostPath) { throw .readOnly }
      return try openForWriting(request, file, state)
    }
    return .descriptor(
      try reopen(file.number, request.reopening), closeOnExec: request.closeOnExec)
  }

  private func openForWriting(
    _ request: OpenRequest, _ file: consuming File, _ state: ProcessState
  ) throws(Errno) -> Answer {
    let truncates = request.has(O_TRUNC)
    let own = try change(file, .content, keepsContent: !truncates)
    let number = try reopen(own.number, request.reopening)
    // The kernel does so at the first write, which nobody tells here.
    dropPrivileges(of: own.inode, state)
    return .descriptor(number, closeOnExec: request.closeOnExec)
  }

  func reopen(_ number: Int32, _ flags: Int32) throws(Errno) -> Int32 {
    let opened = withOwnPath(number) { Glibc.open($0, flags) }
    guard opened >= 0 else { throw Errno.current }
    return opened
  }

  /// A file changed: what it could do beyond others it can no more. inode(7), capabilities(7).
  func dropPrivileges(of inode: Inode, _ state: ProcessState) {
    guard inode.domain == .tree, inode.record != nil else { return }
    try? world.records.removeAttribute("security.capability", of: inode.key)
    guard inode.hasSetIDs, !state.credentials.has(CAP_FSETID) else { return }
    var record = inode.record ?? inode.defaultRecord
    record.mode &= ~FileMode.setUserID
    if record.mode & 0o010 != 0 { record.mode &= ~FileMode.setGroupID }
    store(record, inode.key)
  }

  // MARK: - Unusual files

  private func openTemporary(
    _ request: OpenRequest, in directory: consuming File, _ state: ProcessState
  ) throws(Errno) -> Answer {
    try checkChange(in: directory, state)
    let new = newFile(FileMode.regular | request.mode, in: directory.inode, state)
    let number = openat(
      directory.number, ".", request.reopening, mode_t(new.permissionsOnDisk))
    guard number >= 0 else { throw Errno.current }
    try settle(new, number)
    return .descriptor(number, closeOnExec: request.closeOnExec)
  }

  /// A descriptor that only stands for the file. The kernel hands no such descriptor on, so the
  /// caller gets one that could read, or opens the file itself.
  private func openPath(_ call: Call, _ request: OpenRequest, _ file: consuming File)
    throws(Errno) -> Answer
  {
    let isDirectory = file.inode.isDirectory
    if request.has(O_DIRECTORY) && !isDirectory { throw .notDirectory }
    if isDirectory || file.inode.isRegularOnDisk || file.inode.kindOnDisk == FileMode.fifo {
      let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | (request.flags & O_DIRECTORY)
      if let number = try? reopen(file.number, flags) {
        caisson_fcntl_int(number, F_SETFL, 0)
        return .descriptor(number, closeOnExec: request.closeOnExec)
      }
    }
    try world.readHostPath(of: file.number, into: hostPath)
    guard hostPath.isAbsolute else { throw Errno(ENXIO) }
    let path = hostPath.path
    let directory = path.parent.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard directory >= 0 else { throw Errno.current }
    defer { close(directory) }
    let flags = O_PATH | O_NOFOLLOW | (request.flags & O_CLOEXEC)
    return try path.name.withCString { (name) throws(Errno) in
      try openInCaller(call, directory, name, flags: flags)
    }
  }

  /// Devices of the machine that a container may use, whatever they are called.
  private func openDevice(_ call: Call, _ request: OpenRequest, _ file: borrowing File)
    throws(Errno) -> Answer
  {
    guard file.node.domain == .tree else {
      if world.isForeignTerminal(file.inode) { throw .accessDenied }
      // Outside of containers nobody may open the one in `/dev/pts`.
      let isMultiplexer = file.inode.raw.stx_rdev_major == 5 && file.inode.raw.stx_rdev_minor == 2
      let number =
        isMultiplexer
        ? Glibc.open("/dev/ptmx", request.reopening) : try reopen(file.number, request.reopening)
      guard number >= 0 else { throw Errno.current }
      return .descriptor(number, closeOnExec: request.closeOnExec)
    }
    guard let record = file.inode.record, record.mode & FileMode.mask == FileMode.characterDevice,
      let path = MachineDevice.path(record.deviceMajor, record.deviceMinor)
    else { throw Errno(ENXIO) }
    if path == "/dev/tty" {
      guard hasTerminal(call.thread) else { throw Errno(ENXIO) }
      let directory = Glibc.open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard directory >= 0 else { throw Errno.current }
      defer { close(directory) }
      return try openInCaller(call, directory, "tty", flags: request.flags & ~(O_CREAT | O_EXCL))
    }
    let number = path.withCString { Glibc.open($0, request.reopening) }
    guard number >= 0 else { throw Errno.current }
    return .descriptor(number, closeOnExec: request.closeOnExec)
  }

  /// proc(5), `/proc/PID/stat`: the seventh field.
  private func hasTerminal(_ thread: pid_t) -> Bool {
    guard let text = try? contents(of: PathBytes("/proc/\(thread)/stat"), limit: 4096),
      let end = text.lastIndex(of: UInt8(ascii: ")"))
    else { return false }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ")
    return fields.count > 4 && fields[4] != "0"
  }

  /// Waits in a thread of its own until the other side of the FIFO comes.
  private func openFIFO(_ call: Call, _ request: OpenRequest, _ file: consuming File)
    throws(Errno) -> Answer
  {
    if request.has(O_NONBLOCK) || request.access == O_RDWR {
      return .descriptor(
        try reopen(file.number, request.reopening), closeOnExec: request.closeOnExec)
    }
    let number = try file.takeNode().release()
    let (listener, flags) = (listener, request.reopening)
    startThread {
      let opened = withOwnPath(number) { Glibc.open($0, flags) }
      let errno = Errno.current
      close(number)
      if opened < 0 {
        _ = caisson_answer(listener, call.id, 0, -errno.code, 0)
      } else {
        _ = caisson_answer_descriptor(listener, call.id, opened, request.closeOnExec ? 1 : 0)
        close(opened)
      }
    }
    return .elsewhere
  }
}

/// The character devices of the machine that a container has. OCI runtime specification, "Default
/// Devices".
enum MachineDevice {
  static let all: [(name: String, major: UInt32, minor: UInt32)] = [
    ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
    ("tty", 5, 0), ("ptmx", 5, 2),
  ]

  static func path(_ major: UInt32, _ minor: UInt32) -> PathBytes? {
    all.first { $0.major == major && $0.minor == minor }.map { PathBytes("/dev/" + $0.name) }
  }
}
