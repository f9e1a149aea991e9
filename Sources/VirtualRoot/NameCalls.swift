// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension TrappedCall {
  static let nameCalls: [TrappedCall] = [
    TrappedCall(SYS_mkdir) { (receiver, call) throws(Errno) in
      try receiver.makeDirectory(call, at: AT_FDCWD, call.a0, mode: call.a1)
    },
    TrappedCall(SYS_mkdirat) { (receiver, call) throws(Errno) in
      try receiver.makeDirectory(call, at: call.i0, call.a1, mode: call.a2)
    },
    TrappedCall(SYS_rmdir) { (receiver, call) throws(Errno) in
      try receiver.remove(call, at: AT_FDCWD, call.a0, isDirectory: true)
    },
    TrappedCall(SYS_unlink) { (receiver, call) throws(Errno) in
      try receiver.remove(call, at: AT_FDCWD, call.a0, isDirectory: false)
    },
    TrappedCall(SYS_unlinkat) { (receiver, call) throws(Errno) in
      guard call.i2 & ~AT_REMOVEDIR == 0 else { throw .invalidArgument }
      return try receiver.remove(call, at: call.i0, call.a1, isDirectory: call.i2 != 0)
    },
    TrappedCall(SYS_symlink) { (receiver, call) throws(Errno) in
      try receiver.makeLink(call, to: call.a0, at: AT_FDCWD, call.a1)
    },
    TrappedCall(SYS_symlinkat) { (receiver, call) throws(Errno) in
      try receiver.makeLink(call, to: call.a0, at: call.i1, call.a2)
    },
    TrappedCall(SYS_mknod) { (receiver, call) throws(Errno) in
      try receiver.makeNode(call, at: AT_FDCWD, call.a0, mode: call.a1, device: call.a2)
    },
    TrappedCall(SYS_mknodat) { (receiver, call) throws(Errno) in
      try receiver.makeNode(call, at: call.i0, call.a1, mode: call.a2, device: call.a3)
    },
    TrappedCall(SYS_rename) { (receiver, call) throws(Errno) in
      try receiver.rename(call, at: AT_FDCWD, call.a0, to: AT_FDCWD, call.a1, flags: 0)
    },
    TrappedCall(SYS_renameat) { (receiver, call) throws(Errno) in
      try receiver.rename(call, at: call.i0, call.a1, to: call.i2, call.a3, flags: 0)
    },
    TrappedCall(SYS_renameat2) { (receiver, call) throws(Errno) in
      try receiver.rename(
        call, at: call.i0, call.a1, to: call.i2, call.a3, flags: UInt32(truncatingIfNeeded: call.a4)
      )
    },
    TrappedCall(SYS_link) { (receiver, call) throws(Errno) in
      try receiver.link(call, at: AT_FDCWD, call.a0, to: AT_FDCWD, call.a1, flags: 0)
    },
    TrappedCall(SYS_linkat) { (receiver, call) throws(Errno) in
      try receiver.link(call, at: call.i0, call.a1, to: call.i2, call.a3, flags: call.i4)
    },
  ]
}

extension Receiver {
  /// The place of the path at `address`.
  fileprivate func place(
    _ call: Call, at directory: Int32, _ address: UInt64, _ state: ProcessState
  ) throws(Errno) -> Place {
    try readName(at: address, of: call, into: firstPath)
    return try place(call, at: directory, firstPath, firstName, state)
  }

  /// Refuses what makes no name: one that is there first, as the kernel does.
  private func checkNew(_ place: borrowing Place, isDirectory: Bool, _ state: ProcessState)
    throws(Errno)
  {
    var raw = statx()
    if isDots(place.name) || statx(place.number, place.name, AT_SYMLINK_NOFOLLOW, 0, &raw) == 0 {
      throw .exists
    }
    if place.mustBeDirectory && !isDirectory { throw .noSuchFile }
    try checkChange(in: place.directory, state)
  }

  fileprivate func makeDirectory(
    _ call: Call, at directory: Int32, _ address: UInt64, mode: UInt64
  ) throws(Errno) -> Answer {
    let state = try state(of: call)
    let place = try place(call, at: directory, address, state)
    try checkNew(place, isDirectory: true, state)
    let mode = FileMode.directory | UInt32(mode & 0o1777)
    let new = newFile(mode, in: place.directory.inode, state)
    guard mkdirat(place.number, place.name, mode_t(new.permissionsOnDisk)) == 0 else {
      throw Errno.current
    }
    try settle(new, place.number, place.name)
    noteName(place.name, in: place.directory)
    return .done
  }

  fileprivate func makeLink(
    _ call: Call, to target: UInt64, at directory: Int32, _ address: UInt64
  ) throws(Errno) -> Answer {
    let state = try state(of: call)
    try readName(at: target, of: call, into: secondPath)
    let place = try place(call, at: directory, address, state)
    try checkNew(place, isDirectory: false, state)
    guard symlinkat(secondPath.start, place.number, place.name) == 0 else { throw Errno.current }
    let new = newFile(FileMode.symbolicLink | 0o777, in: place.directory.inode, state)
    try settle(new, place.number, place.name)
    noteName(place.name, in: place.directory)
    return .done
  }

  /// mknod(2). A device node is a record, and an empty file on disk.
  fileprivate func makeNode(
    _ call: Call, at directory: Int32, _ address: UInt64, mode: UInt64, device: UInt64
  ) throws(Errno) -> Answer {
    let state = try state(of: call)
    var mode = UInt32(mode & 0o177777)
    if mode & FileMode.mask == 0 { mode |= FileMode.regular }
    let kind = mode & FileMode.mask
    let isDevice = kind == FileMode.characterDevice || kind == FileMode.blockDevice
    let place = try place(call, at: directory, address, state)
    try checkNew(place, isDirectory: false, state)
    switch kind {
    case FileMode.regular, FileMode.fifo, FileMode.socket: break
    case FileMode.characterDevice, FileMode.blockDevice:
      guard state.credentials.has(CAP_MKNOD) else { throw .notPermitted }
    case FileMode.directory: throw .notPermitted
    default: throw .invalidArgument
    }
    var new = newFile(mode, in: place.directory.inode, state)
    if isDevice {
      world.rememberDevice(in: place.directory.inode.number)
      // As the call has it: 12 bits of the major number, 20 of the minor. mknod(2), makedev(3).
      new.record.deviceMajor = UInt32((device >> 8) & 0xFFF)
      new.record.deviceMinor = UInt32((device & 0xFF) | ((device >> 12) & 0xFFF00))
    }
    let onDisk = (isDevice ? FileMode.regular : kind) | new.permissionsOnDisk
    guard mknodat(place.number, place.name, mode_t(onDisk), 0) == 0 else { throw Errno.current }
    try settle(new, place.number, place.name)
    noteName(place.name, in: place.directory)
    return .done
  }

  fileprivate func remove(
    _ call: Call, at directory: Int32, _ address: UInt64, isDirectory: Bool
  ) throws(Errno) -> Answer {
    let state = try state(of: call)
    let place = try place(call, at: directory, address, state)
    if isDots(place.name) {
      guard isDirectory else { throw .isDirectory }
      throw place.name[1] == 0 ? .invalidArgument : .notEmpty
    }
    let inode = try world.inode(of: place.name, in: place.directory.node)
    try checkChange(in: place.directory, state)
    try checkRemoval(of: inode, from: place.directory.inode, state)
    if isDirectory {
      guard inode.isDirectory else { throw .notDirectory }
    } else {
      if inode.isDirectory { throw .isDirectory }
      if place.mustBeDirectory { throw .notDirectory }
    }
    guard unlinkat(place.number, place.name, isDirectory ? AT_REMOVEDIR : 0) == 0 else {
      throw Errno.current
    }
    if inode.isDirectory || inode.isSymbolicLink { world.invalidatePaths() }
    forgetIfLast(inode)
    noteName(place.name, in: place.directory)
    return .done
  }

  private func forgetIfLast(_ inode: Inode) {
    guard inode.isDirectory || inode.raw.stx_nlink <= 1 else { return }
    world.forgetLater(inode.key)
  }

  fileprivate func rename(
    _ call: Call, at oldDirectory: Int32, _ oldAddress: UInt64, to newDirectory: Int32,
    _ newAddress: UInt64, flags: UInt32
  ) throws(Errno) -> Answer {
    let (keeps, exchanges): (UInt32, UInt32) = (1, 2)  // RENAME_NOREPLACE, RENAME_EXCHANGE
    guard flags & ~3 == 0, flags != keeps | exchanges else { throw .invalidArgument }
    let state = try state(of: call)
    try readName(at: newAddress, of: call, into: secondPath)
    let old = try place(call, at: oldDirectory, oldAddress, state)
    let new = try place(call, at: newDirectory, secondPath, secondName, state)
    if isDots(old.name) || isDots(new.name) { throw Errno(EBUSY) }
    let source = try world.inode(of: old.name, in: old.directory.node)
    try checkChange(in: old.directory, state)
    try checkChange(in: new.directory, state)
    try checkRemoval(of: source, from: old.directory.inode, state)
    if (old.mustBeDirectory || new.mustBeDirectory) && !source.isDirectory { throw .notDirectory }
    let target = try? world.inode(of: new.name, in: new.directory.node)
    if let target {
      if flags == keeps { throw .exists }
      try checkRemoval(of: target, from: new.directory.inode, state)
    }
    if source.isDirectory, !state.credentials.ignoresPermissions,
      old.directory.inode.number != new.directory.inode.number,
      !permits(source, W_OK, state.credentials)
    {
      throw .accessDenied
    }
    try checkSameMount(old.directory, new.directory)
    let isItself =
      old.directory.inode.number == new.directory.inode.number && strcmp(old.name, new.name) == 0
    if !isItself {
      try partIfShared(old.name, in: old.directory, source)
      if flags == exchanges, let target {
        try partIfShared(new.name, in: new.directory, target)
      }
    }
    guard caisson_rename(old.number, old.name, new.number, new.name, flags) == 0 else {
      throw Errno.current
    }
    if isItself { return .done }
    if !source.isRegularOnDisk || target.map({ !$0.isRegularOnDisk }) == true {
      world.invalidatePaths()
    }
    if let target, flags != exchanges, target.number != source.number { forgetIfLast(target) }
    if source.isDevice { world.rememberDevice(in: new.directory.inode.number) }
    noteName(old.name, in: old.directory)
    noteName(new.name, in: new.directory)
    return .done
  }

  /// What lies in `/dev` may be on the file system of the root, and is another mount for the sandbox.
  private func checkSameMount(_ one: borrowing File, _ other: borrowing File) throws(Errno) {
    guard one.inode.number != other.inode.number else { return }
    try world.readHostPath(of: one.number, into: hostPath)
    let mount = world.mount(ofHostPath: hostPath)
    try world.readHostPath(of: other.number, into: hostPath)
    guard mount == world.mount(ofHostPath: hostPath) else { throw .crossDevice }
  }

  fileprivate func link(
    _ call: Call, at oldDirectory: Int32, _ oldAddress: UInt64, to newDirectory: Int32,
    _ newAddress: UInt64, flags: Int32
  ) throws(Errno) -> Answer {
    guard flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) == 0 else { throw .invalidArgument }
    let state = try state(of: call)
    let source = try file(
      call, at: oldDirectory, oldAddress, follow: flags & AT_SYMLINK_FOLLOW != 0,
      mayBeEmpty: flags & AT_EMPTY_PATH != 0, state)
    try readName(at: newAddress, of: call, into: secondPath)
    let new = try place(call, at: newDirectory, secondPath, secondName, state)
    try checkNew(new, isDirectory: false, state)
    if source.inode.isDirectory { throw .notPermitted }
    guard source.node.domain == .tree else { throw .crossDevice }
    guard !world.mounts.isStubOrRoot(source.inode.number) else { throw .crossDevice }
    try checkLinking(source.inode, state)
    let hasName = source.inode.raw.stx_nlink > 0
    if hasName { try checkSameMount(source, new.directory) }
    let own = hasName ? try change(source, .metadata) : source
    let status = withOwnPath(own.number) {
      linkat(AT_FDCWD, $0, new.number, new.name, AT_SYMLINK_FOLLOW)
    }
    guard status == 0 else { throw Errno.current }
    if hasName && !world.isYoung(own.inode) { world.rememberLinked(own.inode) }
    if own.inode.isDevice { world.rememberDevice(in: new.directory.inode.number) }
    noteName(new.name, in: new.directory)
    return .done
  }

  /// proc(5), `/proc/sys/fs/protected_hardlinks`.
  private func checkLinking(_ inode: Inode, _ state: ProcessState) throws(Errno) {
    let credentials = state.credentials
    if inode.isOwned(by: credentials) { return }
    let isSafe =
      inode.kind == FileMode.regular && inode.mode & FileMode.setUserID == 0
      && inode.mode & 0o2010 != 0o2010 && permits(inode, R_OK | W_OK, credentials)
    if !isSafe { throw .notPermitted }
  }
}
