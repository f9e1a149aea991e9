// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension Receiver {
  /// The state of what a plain path leads to, without opening it.
  ///
  /// - Returns: Nil where the path has to be followed name by name.
  func quickStatus(
    _ call: Call, at directory: Int32, _ path: PathBuffer, follow: Bool, _ state: ProcessState
  ) throws(Errno) -> Inode? {
    guard state.credentials.ignoresPermissions else { return nil }
    var begin = path.count
    while begin > 0 && path.start[begin - 1] != slash { begin -= 1 }
    let name = path.start + begin
    guard name[0] != 0, !isDots(name), path.count - begin <= 255 else { return nil }
    var raw = statx()
    let status: Int32
    if path.isAbsolute {
      if world.mounts.covers(path) { return nil }
      guard let parent = try parent(call, path, count: begin, state) else { return nil }
      status = statx(parent, name, AT_SYMLINK_NOFOLLOW, statusMask, &raw)
    } else if directory == AT_FDCWD {
      guard begin == 0, state.workingDirectory.domain == .tree else { return nil }
      status = statx(
        state.workingDirectory.number, name, AT_SYMLINK_NOFOLLOW, statusMask, &raw)
    } else {
      guard begin == 0 else { return nil }
      let failed = try statusBeside(call, directory, path, &raw)
      if failed { return nil }
      status = 0
    }
    guard status == 0 else {
      let errno = Errno.current
      if errno == .noSuchFile { throw errno }
      return nil
    }
    let inode = world.recorded(raw)
    guard inode.domain == .tree, !inode.looksLikeMountPoint, !follow || !inode.isSymbolicLink else {
      return nil
    }
    return inode
  }

  /// Of a name in a directory that the caller has open.
  private func statusBeside(
    _ call: Call, _ directory: Int32, _ name: PathBuffer, _ raw: inout statx
  ) throws(Errno) -> Bool {
    guard directory >= 0 else { return true }
    hostPath.removeAll()
    withDescriptorPath(call.thread, directory) { text in
      try? hostPath.append(text, count: strlen(text))
    }
    try hostPath.append(byte: slash)
    try hostPath.append(name)
    return statx(AT_FDCWD, hostPath.start, AT_SYMLINK_NOFOLLOW, statusMask, &raw) != 0
  }

  /// The directory that the first `count` bytes of an absolute path lead to; it stays open.
  private func parent(_ call: Call, _ path: PathBuffer, count: Int, _ state: ProcessState)
    throws(Errno) -> Int32?
  {
    if count == 1 { return world.root }
    let generation = world.generation
    return try directories.number(path.start, count: count, generation: generation) {
      () throws(Errno) -> Int32? in
      let (whole, cut) = (path.count, path.start[count])
      path.setCount(count)
      defer {
        path.start[count] = cut
        path.setCount(whole)
      }
      let flags = O_PATH | O_DIRECTORY | O_CLOEXEC
      guard let number = try open(call, at: AT_FDCWD, path, flags: flags, state) else { return nil }
      guard let inode = try? world.inode(of: number, .tree), !inode.looksLikeMountPoint else {
        close(number)
        return nil
      }
      return number
    }
  }
}
