// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension TrappedCall {
  static let metadataCalls: [TrappedCall] = [
    TrappedCall(SYS_chmod) { (receiver, call) throws(Errno) in
      try receiver.setMode(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true), call.a1)
    },
    TrappedCall(SYS_fchmod) { (receiver, call) throws(Errno) in
      try receiver.setMode(call, of: receiver.file(call, behind: call.i0), call.a1)
    },
    TrappedCall(SYS_fchmodat) { (receiver, call) throws(Errno) in
      try receiver.setMode(
        call, of: receiver.file(call, at: call.i0, call.a1, follow: true), call.a2)
    },
    TrappedCall(fchmodat2) { (receiver, call) throws(Errno) in
      try receiver.setMode(
        call, of: receiver.file(call, at: call.i0, call.a1, flags: call.i3), call.a2)
    },
    TrappedCall(SYS_chown) { (receiver, call) throws(Errno) in
      try receiver.setOwner(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true), call.a1, call.a2)
    },
    TrappedCall(SYS_lchown) { (receiver, call) throws(Errno) in
      try receiver.setOwner(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: false), call.a1, call.a2)
    },
    TrappedCall(SYS_fchown) { (receiver, call) throws(Errno) in
      try receiver.setOwner(call, of: receiver.file(call, behind: call.i0), call.a1, call.a2)
    },
    TrappedCall(SYS_fchownat) { (receiver, call) throws(Errno) in
      try receiver.setOwner(
        call, of: receiver.file(call, at: call.i0, call.a1, flags: call.i4), call.a2, call.a3)
    },
    TrappedCall(SYS_truncate) { (receiver, call) throws(Errno) in
      try receiver.truncate(
        call, receiver.file(call, at: AT_FDCWD, call.a0, follow: true), Int64(bitPattern: call.a1))
    },
    TrappedCall(SYS_utime) { (receiver, call) throws(Errno) in
      var times: [timespec]?
      if call.a1 != 0 {
        let both = try receiver.load((Int, Int).self, at: call.a1, of: call)
        times = [timespec(tv_sec: both.0, tv_nsec: 0), timespec(tv_sec: both.1, tv_nsec: 0)]
      }
      return try receiver.setTimes(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true), times)
    },
    TrappedCall(SYS_utimes) { (receiver, call) throws(Errno) in
      let times = try receiver.microseconds(at: call.a1, of: call)
      return try receiver.setTimes(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true), times)
    },
    TrappedCall(SYS_futimesat) { (receiver, call) throws(Errno) in
      let times = try receiver.microseconds(at: call.a2, of: call)
      return try receiver.setTimes(
        call,
        of: call.a1 == 0
          ? receiver.file(call, behind: call.i0)
          : receiver.file(call, at: call.i0, call.a1, follow: true), times)
    },
    TrappedCall(SYS_utimensat) { (receiver, call) throws(Errno) in
      var times: [timespec]?
      if call.a2 != 0 {
        let both = try receiver.load((timespec, timespec).self, at: call.a2, of: call)
        times = [both.0, both.1]
      }
      return try receiver.setTimes(
        call,
        of: call.a1 == 0
          ? receiver.file(call, behind: call.i0)
          : receiver.file(call, at: call.i0, call.a1, flags: call.i3), times)
    },
  ]

  /// Linux 6.6; not in the headers of Debian 12.
  private static let fchmodat2: Int32 = 452
}

extension Receiver {
  /// What a path leads to by the flags AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH.
  fileprivate func file(_ call: Call, at directory: Int32, _ address: UInt64, flags: Int32)
    throws(Errno) -> File
  {
    guard flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 else { throw .invalidArgument }
    return try file(
      call, at: directory, address, follow: flags & AT_SYMLINK_NOFOLLOW == 0,
      mayBeEmpty: flags & AT_EMPTY_PATH != 0)
  }

  /// Pipes, sockets and terminals are the caller's own, and nothing remembers their state.
  private func isUnrecorded(_ file: borrowing File) throws(Errno) -> Bool {
    if file.node.domain == .system, file.inode.raw.stx_uid == ownUID, !world.isReadOnly(file.inode)
    {
      return true
    }
    try checkWritable(file)
    return false
  }

  // MARK: - Mode

  fileprivate func setMode(_ call: Call, of file: consuming File, _ mode: UInt64) throws(Errno)
    -> Answer
  {
    let credentials = try state(of: call).credentials
    guard file.inode.isOwned(by: credentials) else { throw .notPermitted }
    if file.inode.isSymbolicLink { throw .notSupported }
    if try isUnrecorded(file) { return .done }
    var permissions = UInt32(mode & 0o7777)
    if !credentials.has(CAP_FSETID), !credentials.isMember(of: file.inode.gid),
      !file.inode.isDirectory
    {
      permissions &= ~FileMode.setGroupID
    }
    try set(permissions: permissions, of: try change(file, .metadata))
    return .done
  }

  /// Sets all twelve bits, and the access control list that goes with them.
  func set(permissions: UInt32, of file: borrowing File) throws(Errno) {
    let inode = file.inode
    var record = inode.record ?? inode.defaultRecord
    record.mode = inode.kind | permissions
    try setOnDisk(record.permissionsOnDisk, file)
    if inode.hasAttributes, var list = world.accessList(of: inode) {
      list.setMode(permissions)
      try setAccessList(list, of: inode, record)
    }
    store(record, inode.key)
  }

  private func setOnDisk(_ permissions: UInt32, _ file: borrowing File) throws(Errno) {
    // Also when nothing changes on disk: the time of the last change does.
    let status = withOwnPath(file.number) { chmod($0, mode_t(permissions)) }
    guard status == 0 else { throw Errno.current }
  }

  // MARK: - Owner

  /// chown(2); what a file could do beyond others is gone afterwards.
  fileprivate func setOwner(
    _ call: Call, of file: consuming File, _ uid: UInt64, _ gid: UInt64
  ) throws(Errno) -> Answer {
    let credentials = try state(of: call).credentials
    let (uid, gid) = (UInt32(truncatingIfNeeded: uid), UInt32(truncatingIfNeeded: gid))
    let (newUID, newGID) = (uid == .max ? file.inode.uid : uid, gid == .max ? file.inode.gid : gid)
    if !credentials.has(CAP_CHOWN) {
      let isOwner = credentials.fileSystemUID == file.inode.uid
      let keepsOwner = uid == .max || isOwner && newUID == file.inode.uid
      let keepsGroup =
        gid == .max || isOwner && (newGID == file.inode.gid || credentials.isMember(of: newGID))
      guard keepsOwner, keepsGroup else { throw .notPermitted }
    }
    if try isUnrecorded(file) { return .done }
    let own = try change(file, .metadata)
    var record = own.inode.record ?? own.inode.defaultRecord
    (record.uid, record.gid) = (newUID, newGID)
    if !own.inode.isDirectory && !own.inode.isSymbolicLink {
      record.mode &= ~FileMode.setUserID
      if record.mode & 0o010 != 0 { record.mode &= ~FileMode.setGroupID }
      if own.inode.record != nil {
        try? world.records.removeAttribute("security.capability", of: own.inode.key)
      }
    }
    if !own.inode.isSymbolicLink { try setOnDisk(UInt32(own.inode.raw.stx_mode) & 0o7777, own) }
    store(record, own.inode.key)
    return .done
  }

  // MARK: - Size and times

  fileprivate func truncate(_ call: Call, _ file: consuming File, _ size: Int64) throws(Errno)
    -> Answer
  {
    let state = try state(of: call)
    guard size >= 0 else { throw .invalidArgument }
    if file.inode.isDirectory { throw .isDirectory }
    guard file.inode.kind == FileMode.regular else { throw .invalidArgument }
    guard permits(file.inode, W_OK, state.credentials) else { throw .accessDenied }
    try checkWritable(file)
    let own = try change(file, .content)
    let status = withOwnPath(own.number) { Glibc.truncate($0, off_t(size)) }
    guard status == 0 else { throw Errno.current }
    dropPrivileges(of: own.inode, state)
    return .done
  }

  fileprivate func microseconds(at address: UInt64, of call: Call) throws(Errno) -> [timespec]? {
    guard address != 0 else { return nil }
    let both = try load((timeval, timeval).self, at: address, of: call)
    return try [both.0, both.1].map { (time) throws(Errno) in
      guard 0..<1_000_000 ~= time.tv_usec else { throw .invalidArgument }
      return timespec(tv_sec: time.tv_sec, tv_nsec: Int(time.tv_usec) * 1000)
    }
  }

  /// - Parameter times: Of access and of modification; now for nil.
  fileprivate func setTimes(_ call: Call, of file: consuming File, _ times: [timespec]?)
    throws(Errno) -> Answer
  {
    let credentials = try state(of: call).credentials
    let (now, omitted) = (Int((1 << 30) - 1), Int((1 << 30) - 2))  // UTIME_NOW, UTIME_OMIT
    let isNow = times?.allSatisfy { $0.tv_nsec == now } ?? true
    guard
      file.inode.isOwned(by: credentials) || isNow && permits(file.inode, W_OK, credentials)
        || times?.allSatisfy({ $0.tv_nsec == omitted }) == true
    else { throw isNow ? .accessDenied : .notPermitted }
    if times?.allSatisfy({ $0.tv_nsec == omitted }) == true { return .done }
    if try isUnrecorded(file) { return .done }
    let own = try change(file, .metadata)
    let status = withOwnPath(own.number) { path in
      if let times {
        utimensat(AT_FDCWD, path, times, 0)
      } else {
        utimensat(AT_FDCWD, path, nil, 0)
      }
    }
    guard status == 0 else { throw Errno.current }
    return .done
  }
}
