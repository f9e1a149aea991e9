// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// A name in a directory that is known: what most paths come to.
struct KnownPlace {
  /// Belongs to somebody else.
  var directory: Int32
  /// One component; behind AT_FDCWD a path that leads to one.
  var name: UnsafePointer<CChar>
}

extension Receiver {
  /// The state of what a plain path leads to, without opening it.
  ///
  /// - Returns: Nil where the path has to be followed name by name.
  func quickStatus(
    _ call: Call, at directory: Int32, _ path: PathBuffer, follow: Bool, _ state: ProcessState
  ) throws(Errno) -> Inode? {
    guard let place = try knownPlace(call, at: directory, path, state) else { return nil }
    return try quickStatus(place, follow: follow)
  }

  func quickStatus(_ place: KnownPlace, follow: Bool) throws(Errno) -> Inode? {
    var raw = statx()
    guard statx(place.directory, place.name, AT_SYMLINK_NOFOLLOW, statusMask, &raw) == 0 else {
      let errno = Errno.current
      // Of a descriptor it could also be that there is none.
      if errno == .noSuchFile, place.directory != AT_FDCWD { throw errno }
      return nil
    }
    let inode = world.recorded(raw)
    guard inode.domain == .tree, !inode.looksLikeMountPoint, !follow || !inode.isSymbolicLink else {
      return nil
    }
    return inode
  }

  /// Where the last name of a plain path is to be looked up.
  ///
  /// - Returns: Nil where the path has to be followed name by name.
  func knownPlace(
    _ call: Call, at directory: Int32, _ path: PathBuffer, _ state: ProcessState
  ) throws(Errno) -> KnownPlace? {
    guard state.credentials.ignoresPermissions else { return nil }
    var begin = path.count
    while begin > 0 && path.start[begin - 1] != slash { begin -= 1 }
    let name = path.start + begin
    guard name[0] != 0, !isDots(name), path.count - begin <= 255 else { return nil }
    if path.isAbsolute {
      if world.mounts.covers(path) { return nil }
      guard let parent = try parent(call, path, count: begin, state) else { return nil }
      return KnownPlace(directory: parent, name: name)
    }
    guard begin == 0 else { return nil }
    if directory == AT_FDCWD {
      guard state.workingDirectory.domain == .tree else { return nil }
      return KnownPlace(directory: state.workingDirectory.number, name: name)
    }
    guard directory >= 0 else { return nil }
    hostPath.removeAll()
    withDescriptorPath(call.thread, directory) { text in
      try? hostPath.append(text, count: strlen(text))
    }
    try hostPath.append(byte: slash)
    try hostPath.append(path)
    return KnownPlace(directory: AT_FDCWD, name: hostPath.start)
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
