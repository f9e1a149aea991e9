// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let directoryCalls: [TrappedCall] = [
    TrappedCall(SYS_chdir) { (receiver, call) throws(Errno) in
      let state = try receiver.state(of: call)
      return try receiver.enter(
        call, directory: receiver.file(call, at: AT_FDCWD, call.a0, follow: true, state), state)
    },
    TrappedCall(SYS_fchdir) { (receiver, call) throws(Errno) in
      let state = try receiver.state(of: call)
      return try receiver.enter(call, directory: receiver.file(call, behind: call.i0), state)
    },
    TrappedCall(SYS_getcwd) { (receiver, call) throws(Errno) in try receiver.storeDirectory(call) },
    TrappedCall(SYS_umask) { (receiver, call) throws(Errno) in
      let state = try receiver.state(of: call)
      try receiver.enter(call, from: state, umask: UInt32(call.a0 & 0o777))
      return .value(Int64(state.umask))
    },
    // Nothing of a step needs to outlive a crash of the machine: what counts is its layer.
    TrappedCall(SYS_fsync, .fail(0)),
    TrappedCall(SYS_fdatasync, .fail(0)),
    TrappedCall(SYS_sync, .fail(0)),
    TrappedCall(SYS_syncfs, .fail(0)),
    TrappedCall(SYS_sync_file_range, .fail(0)),
  ]
}

extension Receiver {
  fileprivate func enter(_ call: Call, directory: consuming File, _ state: ProcessState)
    throws(Errno) -> Answer
  {
    let inode = directory.inode
    guard inode.isDirectory else { throw .notDirectory }
    guard
      state.credentials.ignoresPermissions || permits(inode, X_OK, state.credentials)
    else { throw .accessDenied }
    let domain = directory.node.domain
    let number = try directory.takeNode().release()
    let next = world.workingDirectories.directory(owning: number, inode.number, domain: domain)
    try enter(call, from: state, workingDirectory: next)
    return .done
  }

  fileprivate func storeDirectory(_ call: Call) throws(Errno) -> Answer {
    let directory = try state(of: call).workingDirectory
    let inode = try world.inode(of: directory.number, directory.domain)
    if inode.raw.stx_nlink == 0 { throw .noSuchFile }
    try world.readVirtualPath(of: directory.number, into: firstPath)
    let count = firstPath.count + 1
    guard count <= Int(truncatingIfNeeded: call.a1) else { throw Errno(ERANGE) }
    try write(UnsafeRawBufferPointer(start: firstPath.start, count: count), at: call.a0, of: call)
    return .value(Int64(count))
  }
}
