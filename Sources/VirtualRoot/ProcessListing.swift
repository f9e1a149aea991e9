// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import Synchronization

/// A directory with the names that `/proc` has for the sandbox: what a process that opens `/proc`
/// gets to read. What the names stand for is looked up in `/proc` itself.
final class ProcessListing: Sendable {
  private struct Directory {
    var number: Int32
    var inode: InodeNumber
    var processes: Set<pid_t>
  }

  let path: PathBytes
  private let directory = Mutex<Directory?>(nil)

  /// - Parameter path: Where to make it; what holds it removes it.
  init(at path: PathBytes) { self.path = path }

  /// Opens it with the names of `members` in it, for the caller to close.
  func open(_ members: Set<pid_t>) throws(Errno) -> Int32 {
    let result: Result<Int32, Errno> = directory.withLock { directory in
      do throws(Errno) {
        if directory == nil { directory = try make() }
        guard directory != nil else { throw .noSuchFile }
        try update(&directory, members)
        let number = path.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard number >= 0 else { throw Errno.current }
        return .success(number)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Whether a descriptor of the sandbox is for this directory, and so for `/proc`.
  func isListing(_ inode: InodeNumber) -> Bool { directory.withLock { $0?.inode == inode } }

  private func update(_ directory: inout Directory?, _ members: Set<pid_t>) throws(Errno) {
    guard let old = directory else { return }
    for process in old.processes.subtracting(members) {
      unlinkat(old.number, String(process), AT_REMOVEDIR)
    }
    for process in members.subtracting(old.processes) {
      mkdirat(old.number, String(process), 0)
    }
    directory?.processes = members
  }

  private func make() throws(Errno) -> Directory {
    guard path.withCString({ mkdir($0, 0o755) }) == 0 else { throw Errno.current }
    let number = path.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    var status = stat()
    guard number >= 0, fstat(number, &status) == 0 else { throw Errno.current }
    try copyNames(to: number)
    return Directory(
      number: number,
      inode: InodeNumber(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
      processes: [])
  }

  /// The names that tell of the machine, each as what it is. Without any permission they look like
  /// mount points, so that nobody takes them for files of the tree.
  private func copyNames(to number: Int32) throws(Errno) {
    guard let stream = opendir("/proc") else { throw Errno.current }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let kind = Int32(entry.pointee.d_type)
      withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { name in
          copyName(name, kind, to: number)
        }
      }
    }
  }

  private func copyName(_ name: UnsafePointer<CChar>, _ kind: Int32, to number: Int32) {
    if decimal(name, count: strlen(name)) != nil || name[0] == dot { return }
    switch kind {
    case Int32(DT_DIR): mkdirat(number, name, 0)
    case Int32(DT_LNK): symlinkat(".", number, name)
    default:
      let file = openat(number, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
      if file >= 0 { close(file) }
    }
  }

  deinit { directory.withLock { if let number = $0?.number { close(number) } } }
}
