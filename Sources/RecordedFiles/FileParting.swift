// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

extension FileRecords {
  /// Gives a name an inode of its own: a copy, with all that is recorded. Other names, those outside
  /// the tree included, and open descriptors keep the old one, as after a copy-up of overlayfs.
  ///
  /// The directory's time stays as it is, and nobody sees the name missing or the copy incomplete.
  ///
  /// - Parameters:
  ///   - name: Of anything but a directory.
  ///   - directory: A descriptor; `O_PATH` will do.
  ///   - scratch: A directory outside the tree on the same file system, for the copy while it grows.
  ///   - keepsContent: False when the file is about to be truncated.
  /// - Returns: The key of the new inode.
  @discardableResult
  package func part(
    _ name: PathBytes, in directory: Int32, through scratch: Int32, keepsContent: Bool = true
  ) throws(SystemError) -> FileKey {
    let old = try FileStatus.withBirth(of: name, at: directory)
    let copy = PathBytes("part-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    do throws(SystemError) {
      try makeCopy(copy, in: scratch, of: name, in: directory, old.status, keepsContent)
      let key = try FileKey(of: copy, at: scratch)
      self.copy(FileKey(old), to: key)
      let parent = try FileStatus(of: ".", at: directory)
      try retrying("rename", name) {
        copy.withCString { copy in name.withCString { renameat(scratch, copy, directory, $0) } }
      }
      try setTime(parent.modified, of: ".", at: directory)
      return key
    } catch {
      _ = copy.withCString { unlinkat(scratch, $0, 0) }
      throw error
    }
  }

  private func makeCopy(
    _ copy: PathBytes, in scratch: Int32, of name: PathBytes, in directory: Int32,
    _ status: FileStatus, _ keepsContent: Bool
  ) throws(SystemError) {
    switch status.kind {
    case .directory, .unknown: throw SystemError("copy", name, .isDirectory)
    case .regular:
      let file = try FileDescriptor.open(
        copy, at: scratch, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
      let original = try FileDescriptor.open(name, at: directory, flags: O_RDONLY | O_NOFOLLOW)
      if keepsContent { try copyData(of: original, status.sizeInBytes, to: file) }
      let source = PathBytes("/proc/self/fd/\(original.number)")
      let target = PathBytes("/proc/self/fd/\(file.number)")
      for attribute in try extendedAttributes(of: source, followLinks: true)
      where attribute.name.hasPrefix("user.") {
        try setExtendedAttribute(attribute, on: target, followLinks: true)
      }
      let number = file.number
      try retrying("chmod", name) { fchmod(number, mode_t(status.permissions)) }
    case .symbolicLink:
      let target = try linkTarget(of: name, at: directory)
      try retrying("symlink", name) {
        target.withCString { target in copy.withCString { symlinkat(target, scratch, $0) } }
      }
    case .characterDevice, .blockDevice, .fifo, .socket:
      let mode = mode_t(status.kind.modeBits | status.permissions)
      let device = deviceNumber(status.deviceMajor, status.deviceMinor)
      try retrying("mknod", name) { copy.withCString { mknodat(scratch, $0, mode, dev_t(device)) } }
      // What the umask took.
      try retrying("chmod", name) {
        copy.withCString { fchmodat(scratch, $0, mode_t(status.permissions), 0) }
      }
    }
    try setTime(status.modified, of: copy, at: scratch)
  }

  /// Holes stay holes.
  private func copyData(
    of original: borrowing FileDescriptor, _ size: Int64, to file: borrowing FileDescriptor
  ) throws(SystemError) {
    var offset: Int64 = 0
    while offset < size, let start = try original.nextData(from: offset), start < size {
      let end = min(try original.nextHole(from: start) ?? size, size)
      try file.seek(to: start)
      guard try file.append(end - start, from: original, at: start) == end - start else { break }
      offset = end
    }
    let number = file.number
    try retrying("truncate") { ftruncate(number, off_t(size)) }
  }

  private func setTime(_ time: FileTime, of name: PathBytes, at directory: Int32)
    throws(SystemError)
  {
    let omitted = timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)  // UTIME_OMIT
    let times = [omitted, timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))]
    try retrying("utimens", name) {
      name.withCString { utimensat(directory, $0, times, AT_SYMLINK_NOFOLLOW) }
    }
  }
}
