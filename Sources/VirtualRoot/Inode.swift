// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

/// Which file system a descriptor belongs to, as far as it matters here.
enum Domain: UInt8, Sendable {
  /// Ours: owners, modes and the like are in the records. The root, `/dev`, mounts of the step.
  case tree
  /// As the kernel has it, and not to be changed: `/sys`, pipes, sockets, terminals.
  case system
  /// `/proc`, of which only a part is shown.
  case process
}

/// The kinds of `st_mode`, as its upper four bits. inode(7).
enum FileMode {
  static let mask: UInt32 = 0o170000
  static let socket: UInt32 = 0o140000
  static let symbolicLink: UInt32 = 0o120000
  static let regular: UInt32 = 0o100000
  static let blockDevice: UInt32 = 0o060000
  static let directory: UInt32 = 0o040000
  static let characterDevice: UInt32 = 0o020000
  static let fifo: UInt32 = 0o010000
  static let setUserID: UInt32 = 0o4000
  static let setGroupID: UInt32 = 0o2000
  static let sticky: UInt32 = 0o1000
}

/// Who this process is on the machine; in the sandbox that is 0.
let ownUID = geteuid()
let ownGID = getegid()

/// Names a file as long as it is there.
struct InodeNumber: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
}

/// The state of a file on disk and what the records say of it.
struct Inode {
  var raw: statx
  var record: FileRecord?
  var domain: Domain

  var number: InodeNumber { InodeNumber(device: device, inode: raw.stx_ino) }
  var device: UInt64 { caisson_makedev(raw.stx_dev_major, raw.stx_dev_minor) }
  var key: FileKey { FileKey(device: device, inode: raw.stx_ino, born: born) }
  /// Nanoseconds since 1970; 0 where the file system does not tell.
  var born: Int64 { raw.stx_btime.tv_sec * 1_000_000_000 + Int64(raw.stx_btime.tv_nsec) }

  var mode: UInt32 { record?.mode ?? UInt32(raw.stx_mode) }
  var kind: UInt32 { mode & FileMode.mask }
  /// On the disk, where a device node is something else.
  var kindOnDisk: UInt32 { UInt32(raw.stx_mode) & FileMode.mask }
  var uid: UInt32 { record?.uid ?? (isOurs(raw.stx_uid, ownUID) ? 0 : raw.stx_uid) }
  var gid: UInt32 { record?.gid ?? (isOurs(raw.stx_gid, ownGID) ? 0 : raw.stx_gid) }
  private func isOurs(_ id: UInt32, _ own: UInt32) -> Bool { domain == .tree || id == own }
  var isDirectory: Bool { kindOnDisk == FileMode.directory }
  var isRegularOnDisk: Bool { kindOnDisk == FileMode.regular }
  var isDevice: Bool { kind == FileMode.characterDevice || kind == FileMode.blockDevice }
  var isSymbolicLink: Bool { kindOnDisk == FileMode.symbolicLink }
  /// No file of the tree has no permission at all on disk: only what covers a mount point.
  var looksLikeMountPoint: Bool { raw.stx_mode & 0o7777 == 0 && domain == .tree }
  var visibleLinks: UInt32 {
    let hidden = record?.hiddenLinks ?? 0
    return raw.stx_nlink > hidden ? raw.stx_nlink - hidden : raw.stx_nlink
  }

  /// As the sandbox sees it.
  var seen: statx {
    var seen = raw
    (seen.stx_uid, seen.stx_gid) = (uid, gid)
    guard let record else { return seen }
    seen.stx_mode = UInt16(truncatingIfNeeded: record.mode)
    seen.stx_nlink = visibleLinks
    if isDevice {
      (seen.stx_size, seen.stx_blocks) = (0, 0)
      (seen.stx_rdev_major, seen.stx_rdev_minor) = (record.deviceMajor, record.deviceMinor)
    }
    return seen
  }

  var hasAttributes: Bool { (record?.attributes ?? 0) != 0 }
  var hasSetIDs: Bool { mode & (FileMode.setUserID | FileMode.setGroupID) != 0 }

  /// What a file without record is.
  var defaultRecord: FileRecord {
    FileRecord(mode: UInt32(raw.stx_mode))
  }

  /// Whether `credentials` may do what `mask` (R_OK, W_OK, X_OK) says. acl(5), "Access check
  /// algorithm".
  func permits(_ mask: Int32, _ credentials: Credentials, _ list: AccessList? = nil) -> Bool {
    let wanted = UInt32(mask) & 7
    if wanted == 0 { return true }
    if credentials.has(CAP_DAC_OVERRIDE) {
      return wanted & 1 == 0 || isDirectory || mode & 0o111 != 0
    }
    let isGranted =
      if let list {
        list.permits(wanted, self, credentials)
      } else if credentials.fileSystemUID == uid {
        wanted & ~(mode >> 6) & 7 == 0
      } else if credentials.isMember(of: gid) {
        wanted & ~(mode >> 3) & 7 == 0
      } else {
        wanted & ~mode & 7 == 0
      }
    if isGranted { return true }
    guard credentials.has(CAP_DAC_READ_SEARCH) else { return false }
    return wanted & ~(isDirectory ? 5 : 4) == 0
  }

  /// Owner, or as good as.
  func isOwned(by credentials: Credentials) -> Bool {
    credentials.fileSystemUID == uid || credentials.has(CAP_FOWNER)
  }
}

/// A file that a path led to: a descriptor opened with O_PATH.
struct Node: ~Copyable {
  let number: Int32
  let domain: Domain
  private let isOwned: Bool

  init(owning number: Int32, domain: Domain) {
    (self.number, self.domain, isOwned) = (number, domain, true)
  }

  /// Of a descriptor that somebody else closes, and not before this value is gone.
  init(borrowing number: Int32, domain: Domain) {
    (self.number, self.domain, isOwned) = (number, domain, false)
  }

  deinit { if isOwned { close(number) } }

  /// The descriptor itself, which the caller of this closes.
  consuming func release() throws(Errno) -> Int32 {
    let released = isOwned ? number : caisson_fcntl_int(number, F_DUPFD_CLOEXEC, 0)
    discard self
    guard released >= 0 else { throw Errno.current }
    return released
  }
}

/// A file that a path led to, and its state.
struct File: ~Copyable {
  let node: Node
  let inode: Inode

  init(_ node: consuming Node, _ inode: Inode) {
    self.node = node
    self.inode = inode
  }

  var number: Int32 { node.number }
  consuming func takeNode() -> Node { node }
}

/// Where a name is to be made, changed or removed.
struct Place: ~Copyable {
  let directory: File
  /// In the buffer that the place was asked for with; one component. May be `.` or `..`.
  let name: UnsafePointer<CChar>
  /// The path ended in a slash: only a directory will do.
  let mustBeDirectory: Bool

  init(_ directory: consuming File, _ name: UnsafePointer<CChar>, mustBeDirectory: Bool) {
    self.directory = directory
    self.name = name
    self.mustBeDirectory = mustBeDirectory
  }

  var number: Int32 { directory.node.number }
}
