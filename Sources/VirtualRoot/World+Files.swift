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

  /// As above, for a file of which it is not known where it lies.
  func recorded(_ raw: statx) -> Inode {
    recorded(raw, domain(ofDevice: caisson_makedev(raw.stx_dev_major, raw.stx_dev_minor)))
  }

  func accessList(of inode: Inode, isDefault: Bool = false) -> AccessList? {
    let name = isDefault ? AccessList.defaultName : AccessList.accessName
    guard let value = records.attribute(name, of: inode.key) else { return nil }
    return value.withUnsafeBytes { try? AccessList($0) }
  }

  /// Whether an inode's mode and access control list let `credentials` do what `mask` says.
  func permits(_ inode: Inode, _ mask: Int32, _ credentials: Credentials) -> Bool {
    switch inode.domain {
    case .tree:
      let hasList = inode.hasAttributes && !credentials.ignoresPermissions
      return inode.permits(mask, credentials, hasList ? accessList(of: inode) : nil)
    case .process: return inode.permits(mask, credentials)
    // Terminals and descriptors belong to whoever has them.
    case .system:
      return inode.raw.stx_uid == ownUID && inode.kind != FileMode.directory
        || inode.permits(mask, credentials)
    }
  }

  /// Whether a file of the machine lies in a mount that is shown, but not changed.
  func isReadOnly(_ inode: Inode) -> Bool {
    inode.domain == .system && readOnlyDevices.contains(inode.device)
  }

  /// Whether a terminal of the machine is older than the step: its input is not the step's. pts(4).
  func isForeignTerminal(_ inode: Inode) -> Bool {
    let changed = inode.raw.stx_ctime
    return inode.domain == .system && (136...143).contains(inode.raw.stx_rdev_major)
      && Int64(changed.tv_sec) * 1_000_000_000 + Int64(changed.tv_nsec) < beginning
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
    replaceHostPrefix(of: path)
  }

  /// Turns a path of the machine into one of the virtual root, where it is such.
  func replaceHostPrefix(of path: PathBuffer) {
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
      try? path.append(
        rest.bytes[0] == UInt8(ascii: "/") ? rest : PathBytes("/" + rest.description))
    }
    return true
  }

  /// Whether a file is the step's own: its name was noted when it was made.
  func isYoung(_ inode: Inode) -> Bool {
    if inode.born != 0 && inode.born >= beginning { return true }
    return linked.withLock { $0.contains(inode.key) }
  }

  /// Has a file count as young from now on.
  func rememberLinked(_ inode: Inode) { linked.withLock { _ = $0.insert(inode.key) } }

  /// Whether a path by the names of the machine is that of the tree, or below it.
  func isInTree(_ path: PathBuffer) -> Bool {
    let count = rootPath.bytes.count
    return path.begins(with: rootPath) && (path.count == count || path.start[count] == slash)
  }

  /// Which mount a path by the names of the machine is in; -1 for the tree, -2 for none.
  func mount(ofHostPath path: PathBuffer) -> Int {
    if isInTree(path) { return -1 }
    return mounts.mounts.lastIndex { path.begins(with: $0.hostPath) } ?? -2
  }

  /// - Parameter path: By the names of the machine; what lies outside the tree does not count.
  func note(_ path: PathBuffer, _ touch: FileTouch) {
    guard isInTree(path) else { return }
    let skipped = min(path.count, rootPath.bytes.count + 1)
    touched.add(UnsafeBufferPointer(rebasing: path.bytes[skipped...]), touch)
  }
}
