// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles

/// Keeps the content of a change set while later commands change the tree it was read from.
package struct RecordedContent: ~Copyable {
  private let tree: FileDescriptor
  private let directory: FileDescriptor
  private let records: FileRecords
  private var latest = PathBytes([UInt8]())

  /// Gives every file with content another name below `directory`: the path it has in the tree. The
  /// name is recorded as hidden, so whoever changes the file parts it from that name first.
  ///
  /// Times in the tree stay as they are. Where the file system cannot link, files are copied.
  ///
  /// - Parameter directory: Exists, and is empty.
  package static func keep(
    _ entries: [LayerEntry], of tree: PathBytes, records: FileRecords, in directory: PathBytes
  ) throws {
    var content = RecordedContent(
      tree: try FileDescriptor.open(tree, flags: O_RDONLY | O_DIRECTORY),
      directory: try FileDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY),
      records: records)
    for entry in entries where entry.kind == .regular && entry.sizeInBytes > 0 {
      try content.keep(entry)
    }
  }

  private mutating func keep(_ entry: LayerEntry) throws {
    let path = entry.path
    if path.parent != latest {
      try makeDirectories(path.parent)
      latest = path.parent
    }
    let (from, to) = (tree.number, directory.number)
    let status = path.withCString { linkat(from, $0, to, $0, 0) }
    if status == 0 {
      let found = try FileStatus.withBirth(of: path, at: from)
      return records.update(FileKey(found), default: FileRecord(implicitFor: found.status)) {
        $0.hiddenLinks += 1
      }
    }
    let errno = Errno.current
    guard [EMLINK, EXDEV, EPERM, EOPNOTSUPP].contains(errno.code) else {
      throw SystemError("link", path, errno)
    }
    let file = try FileDescriptor.open(
      path, in: directory, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    try copyFile(of: entry, from: from, to: file)
  }

  private func makeDirectories(_ path: PathBytes) throws {
    let number = directory.number
    var made = PathBytes([UInt8]())
    for name in path.components {
      made = made.appending(name)
      if made.withCString({ mkdirat(number, $0, 0o700) }) == 0 { continue }
      let errno = Errno.current
      if errno != .exists { throw SystemError("mkdir", made, errno) }
    }
  }
}
