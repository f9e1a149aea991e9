// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension World {
  /// The state of what a descriptor leads to, the records included.
  func inode(of number: Int32, _ domain: Domain) throws(Errno) -> Inode {
    var raw = statx()
    guard statx(number, "", AT_EMPTY_PATH, statusMask, &raw) == 0 else {
      throw Errno.current
    }
    return recorded(raw, domain)
  }

  func inode(of name: UnsafePointer<CChar>, in directory: borrowing Node) throws(Errno) -> Inode {
    var raw = statx()
    guard
      statx(directory.number, name, AT_SYMLINK_NOFOLLOW, statusMask, &raw) == 0
    else { throw Errno.current }
    return recorded(raw, directory.domain)
  }

  func recorded(_ raw: statx, _ domain: Domain) -> Inode {
    var inode = Inode(raw: raw, record: nil, domain: domain)
    if domain == .tree { inode.record = records.record(of: inode.key) }
    return inode
  }

  /// Where a descriptor of ours leads, by the names of the machine.
  func readHostPath(of number: Int32, into path: PathBuffer) throws(Errno) {
    let count = withOwnPath(number) { readlink($0, path.start, PathBuffer.capacity - 1) }
    guard count >= 0 else { throw Errno.current }
    path.setCount(count)
  }

  /// Where a descriptor leads in the virtual root: absolute, or what the kernel calls a thing
  /// without a place (`pipe:[7]`).
  ///
  /// - Parameter inode: Of the descriptor; one without names is marked ` (deleted)`, as in `/proc`.
  func readVirtualPath(of number: Int32, into path: PathBuffer) throws(Errno) {
    try readHostPath(of: number, into: path)
    guard path.isAbsolute else { return }
    if replacePrefix(rootPath, by: "", of: path) { return }
    for mount in mounts.mounts.reversed()
    where replacePrefix(mount.hostPath, by: mount.path, of: path) {
      return
    }
  }

  private func replacePrefix(_ prefix: PathBytes, by other: PathBytes, of path: PathBuffer) -> Bool
  {
    let count = prefix.bytes.count
    guard path.count >= count,
      path.begins(with: prefix),
      path.count == count || path.start[count] == slash || path.start[count] == 0x20
    else { return false }
    let rest = PathBytes(Array(path.bytes[count...]))
    path.removeAll()
    try? path.append(byte: slash)
    try? path.append(other)
    // The rest begins with a slash; the root itself is one already.
    if !other.isEmpty {
      try? path.append(rest)
    } else if !rest.isEmpty {
      path.removeAll()
      try? path.append(rest.bytes[0] == UInt8(ascii: "/") ? rest : PathBytes("/" + rest.description))
    }
    return true
  }

  /// Notes that something changed, unless it is younger than the step and so known by its name.
  func touch(_ number: Int32, _ inode: Inode, _ touch: FileTouch) {
    guard inode.domain == .tree, inode.born < beginning || inode.born == 0 else { return }
    let path = PathBuffer()
    guard (try? readHostPath(of: number, into: path)) != nil else { return }
    add(path, touch)
  }

  /// Notes that a name came or went, and that its directory is another for it.
  func touch(_ name: UnsafePointer<CChar>, in directory: borrowing Node, _ touch: FileTouch = .name)
  {
    guard directory.domain == .tree else { return }
    let path = PathBuffer()
    guard (try? readHostPath(of: directory.number, into: path)) != nil else { return }
    add(path, .metadata)
    guard (try? path.append(byte: slash)) != nil,
      (try? path.append(name, count: strlen(name))) != nil
    else { return }
    add(path, touch)
  }

  /// - Parameter path: By the names of the machine; what lies outside the tree does not count.
  private func add(_ path: PathBuffer, _ touch: FileTouch) {
    let count = rootPath.bytes.count
    guard path.count >= count,
      path.begins(with: rootPath)
    else { return }
    if path.count == count { return touched.add(UnsafeBufferPointer(rebasing: path.bytes[0..<0]), touch) }
    guard path.start[count] == slash else { return }
    touched.add(UnsafeBufferPointer(rebasing: path.bytes[(count + 1)...]), touch)
  }
}
