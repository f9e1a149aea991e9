// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let statusCalls: [TrappedCall] = [
    TrappedCall(SYS_stat) { (receiver, call) throws(Errno) in
      try receiver.storeStatus(call, try receiver.status(call, at: AT_FDCWD, call.a0, 0), call.a1)
    },
    TrappedCall(SYS_lstat) { (receiver, call) throws(Errno) in
      try receiver.storeStatus(
        call, try receiver.status(call, at: AT_FDCWD, call.a0, AT_SYMLINK_NOFOLLOW), call.a1)
    },
    TrappedCall(SYS_fstat) { (receiver, call) throws(Errno) in
      try receiver.storeStatus(call, try receiver.status(call, behind: call.i0), call.a1)
    },
    TrappedCall(SYS_newfstatat) { (receiver, call) throws(Errno) in
      let flags = call.i3
      guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH) == 0 else {
        throw .invalidArgument
      }
      return try receiver.storeStatus(
        call, try receiver.status(call, at: call.i0, call.a1, flags), call.a2)
    },
    TrappedCall(SYS_statx) { (receiver, call) throws(Errno) in
      let synchronization: Int32 = 0x6000
      let known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | synchronization
      guard call.i2 & ~known == 0, call.i2 & synchronization != synchronization,
        call.a3 & 0x8000_0000 == 0
      else { throw .invalidArgument }
      let inode = try receiver.status(call, at: call.i0, call.a1, call.i2)
      try receiver.store(inode.seen, at: call.a4, of: call)
      return .done
    },
    TrappedCall(SYS_access) { (receiver, call) throws(Errno) in
      try receiver.access(call, at: AT_FDCWD, call.a0, call.i1, 0)
    },
    TrappedCall(SYS_faccessat) { (receiver, call) throws(Errno) in
      try receiver.access(call, at: call.i0, call.a1, call.i2, 0)
    },
    TrappedCall(SYS_faccessat2) { (receiver, call) throws(Errno) in
      let known = AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH
      guard call.i3 & ~known == 0 else { throw .invalidArgument }
      return try receiver.access(call, at: call.i0, call.a1, call.i2, call.i3)
    },
    TrappedCall(SYS_readlink) { (receiver, call) throws(Errno) in
      try receiver.readLink(call, at: AT_FDCWD, call.a0, to: call.a1, call.i2)
    },
    TrappedCall(SYS_readlinkat) { (receiver, call) throws(Errno) in
      try receiver.readLink(call, at: call.i0, call.a1, to: call.a2, call.i3)
    },
    TrappedCall(SYS_statfs) { (receiver, call) throws(Errno) in
      let file = try receiver.file(call, at: AT_FDCWD, call.a0, follow: true)
      var status = statfs()
      guard fstatfs(file.number, &status) == 0 else { throw Errno.current }
      try receiver.store(status, at: call.a1, of: call)
      return .done
    },
  ]
}

extension Receiver {
  /// What the path at `address` leads to, or the descriptor itself where AT_EMPTY_PATH and no path
  /// say so.
  func file(
    _ call: Call, at directory: Int32, _ address: UInt64, follow: Bool, mayBeEmpty: Bool = false
  ) throws(Errno) -> File {
    let state = try state(of: call)
    return try file(
      call, at: directory, address, follow: follow, mayBeEmpty: mayBeEmpty, state)
  }

  func file(
    _ call: Call, at directory: Int32, _ address: UInt64, follow: Bool, mayBeEmpty: Bool = false,
    _ state: ProcessState
  ) throws(Errno) -> File {
    try readPath(at: address, of: call, into: firstPath)
    if firstPath.isEmpty {
      guard mayBeEmpty else { throw .noSuchFile }
      return directory == AT_FDCWD
        ? try file(base(call, directory, state)) : try file(call, behind: directory)
    }
    return try file(call, at: directory, firstPath, follow: follow, state)
  }

  fileprivate func status(
    _ call: Call, at directory: Int32, _ address: UInt64, _ flags: Int32
  ) throws(Errno) -> Inode {
    let mayBeEmpty = flags & AT_EMPTY_PATH != 0
    firstPath.removeAll()
    if address != 0 || !mayBeEmpty { try readPath(at: address, of: call, into: firstPath) }
    // What fstat of the C library is.
    if firstPath.isEmpty && mayBeEmpty && directory != AT_FDCWD {
      return try status(call, behind: directory)
    }
    let state = try state(of: call)
    if firstPath.isEmpty {
      guard mayBeEmpty else { throw .noSuchFile }
      return try file(base(call, directory, state)).inode
    }
    let follow = flags & AT_SYMLINK_NOFOLLOW == 0
    if let inode = try quickStatus(call, at: directory, firstPath, follow: follow, state) {
      return inode
    }
    return try file(call, at: directory, firstPath, follow: follow, state).inode
  }

  /// The state of what a descriptor of the caller leads to, without opening it.
  fileprivate func status(_ call: Call, behind number: Int32) throws(Errno) -> Inode {
    guard number >= 0 else { throw Errno(EBADF) }
    var raw = statx()
    let status = withDescriptorPath(call.thread, number) {
      statx(AT_FDCWD, $0, 0, statusMask, &raw)
    }
    guard status == 0 else {
      let errno = Errno.current
      throw errno == .noSuchFile ? Errno(EBADF) : errno
    }
    let inode = world.recorded(raw)
    let isVirtual = inode.domain == .process || world.isListing(inode)
    return isVirtual ? try file(call, behind: number).inode : inode
  }

  /// Writes what `stat` gives. stat(3type).
  fileprivate func storeStatus(_ call: Call, _ inode: Inode, _ address: UInt64) throws(Errno)
    -> Answer
  {
    let seen = inode.seen
    var status = stat()
    status.st_dev = UInt(caisson_makedev(seen.stx_dev_major, seen.stx_dev_minor))
    status.st_ino = UInt(seen.stx_ino)
    status.st_nlink = numericCast(seen.stx_nlink)
    status.st_mode = UInt32(seen.stx_mode)
    (status.st_uid, status.st_gid) = (seen.stx_uid, seen.stx_gid)
    status.st_rdev = UInt(caisson_makedev(seen.stx_rdev_major, seen.stx_rdev_minor))
    status.st_size = Int(seen.stx_size)
    status.st_blksize = numericCast(seen.stx_blksize)
    status.st_blocks = Int(seen.stx_blocks)
    status.st_atim = timespec(seen.stx_atime)
    status.st_mtim = timespec(seen.stx_mtime)
    status.st_ctim = timespec(seen.stx_ctime)
    try store(status, at: address, of: call)
    return .done
  }

  /// access(2): by the real IDs, unless AT_EACCESS says otherwise.
  fileprivate func access(
    _ call: Call, at directory: Int32, _ address: UInt64, _ mask: Int32, _ flags: Int32
  ) throws(Errno) -> Answer {
    guard mask & ~7 == 0 else { throw .invalidArgument }
    let state = try state(of: call)
    let file = try file(
      call, at: directory, address, follow: flags & AT_SYMLINK_NOFOLLOW == 0,
      mayBeEmpty: flags & AT_EMPTY_PATH != 0, state)
    var credentials = state.credentials
    if flags & AT_EACCESS == 0 {
      credentials.fileSystemUID = credentials.uid
      credentials.fileSystemGID = credentials.gid
      credentials.effective = credentials.uid == 0 ? credentials.permitted : 0
    }
    if mask & W_OK != 0, file.node.domain == .system, world.isReadOnly(file.inode) {
      throw .readOnly
    }
    if mask & W_OK != 0, file.node.domain == .tree,
      try world.isProtected(file.number, hostPath)
    {
      throw .readOnly
    }
    if mask & W_OK != 0, file.node.domain == .process { try checkNotReadOnly(file.node) }
    guard permits(file.inode, mask, credentials) else { throw .accessDenied }
    return .done
  }

  fileprivate func readLink(
    _ call: Call, at directory: Int32, _ address: UInt64, to buffer: UInt64, _ size: Int32
  ) throws(Errno) -> Answer {
    guard size > 0 else { throw .invalidArgument }
    let file = try file(call, at: directory, address, follow: false, mayBeEmpty: true)
    guard file.inode.isSymbolicLink else {
      throw firstPath.isEmpty ? .noSuchFile : .invalidArgument
    }
    let text = secondPath
    text.removeAll()
    let isOurs: Bool =
      if file.node.domain == .process {
        try processLinkText(call, path: walker.processPath, into: text)
      } else {
        false
      }
    if !isOurs { try text.readLink(file.number, "") }
    let count = min(text.count, Int(size))
    try write(
      UnsafeRawBufferPointer(start: text.start, count: count), at: buffer, of: call)
    return .value(Int64(count))
  }
}

extension timespec {
  init(_ time: statx_timestamp) {
    self.init(tv_sec: Int(time.tv_sec), tv_nsec: Int(time.tv_nsec))
  }
}
