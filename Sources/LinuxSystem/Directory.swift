// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// The names in an open directory, `.` and `..` left out, in the order of their bytes.
package func sortedNames(in directory: borrowing FileDescriptor) throws(SystemError) -> [PathBytes]
{
  // fdopendir takes the descriptor over, and a shared offset must start at 0: open it anew.
  let copy = try FileDescriptor.open(".", in: directory, flags: O_RDONLY | O_DIRECTORY).release()
  guard let stream = fdopendir(copy) else {
    let errno = Errno.current
    close(copy)
    throw SystemError("opendir", nil, errno)
  }
  defer { closedir(stream) }
  var names: [PathBytes] = []
  while true {
    errno = 0
    guard let entry = readdir(stream) else {
      let errno = Errno.current
      if errno.code != 0 { throw SystemError("readdir", nil, errno) }
      break
    }
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: UInt8.self, capacity: Int(NAME_MAX) + 1) {
        [UInt8](UnsafeBufferPointer(start: $0, count: strlen($0)))
      }
    }
    if name == [0x2E] || name == [0x2E, 0x2E] { continue }
    names.append(PathBytes(name))
  }
  return names.sorted()
}

package func names(inDirectory path: PathBytes) throws(SystemError) -> [PathBytes] {
  try sortedNames(in: try FileDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY))
}

package func makeDirectory(_ path: PathBytes, mode: mode_t = 0o777) throws(SystemError) {
  try retrying("mkdir", path) { path.withCString { mkdir($0, mode) } }
}

/// Makes `path` and the directories above it; one that exists is left as it is.
package func makeDirectories(_ path: PathBytes, mode: mode_t = 0o777) throws(SystemError) {
  do {
    try makeDirectoryIfMissing(path, mode: mode)
  } catch  where error.errno == .noSuchFile {
    let parent = path.parent
    guard !parent.isEmpty else { throw error }
    try makeDirectories(parent, mode: mode)
    // Once: some file systems (/proc) say the same of a directory whose parent is there.
    try makeDirectoryIfMissing(path, mode: mode)
  }
}

private func makeDirectoryIfMissing(_ path: PathBytes, mode: mode_t) throws(SystemError) {
  do {
    try makeDirectory(path, mode: mode)
  } catch  where error.errno == .exists {
    guard try FileStatus(of: path, followLinks: true).kind == .directory else { throw error }
  }
}

package func rename(_ old: PathBytes, to new: PathBytes) throws(SystemError) {
  try retrying("rename", new) {
    old.withCString { old in new.withCString { Glibc.rename(old, $0) } }
  }
}

package func removeFile(_ path: PathBytes) throws(SystemError) {
  try retrying("unlink", path) { path.withCString { unlink($0) } }
}

/// Removes whatever `path` names, with all that lies below; symbolic links are not followed, and a
/// directory nobody may enter is opened up first. What is not there is no error.
package func removeTree(_ path: PathBytes) throws(SystemError) {
  let parent = path.parent.isEmpty ? (path.isAbsolute ? "/" : ".") : path.parent
  let directory: FileDescriptor
  do {
    directory = try FileDescriptor.open(parent, flags: O_RDONLY | O_DIRECTORY)
  } catch  where error.errno == .noSuchFile {
    return
  }
  try removeTree(path.name, in: directory)
}

/// As ``removeTree(_:)``, for a name in an open directory.
package func removeTree(_ name: PathBytes, in parent: borrowing FileDescriptor) throws(SystemError)
{
  let number = parent.number
  let unlinked = name.withCString { unlinkat(number, $0, 0) }
  if unlinked == 0 { return }
  let errno = Errno.current
  if errno == .noSuchFile { return }
  guard errno == .isDirectory || errno == .notPermitted else {
    throw SystemError("unlink", name, errno)
  }
  _ = name.withCString { fchmodat(number, $0, 0o700, 0) }
  let directory = try FileDescriptor.open(
    name, in: parent, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  for child in try sortedNames(in: directory) { try removeTree(child, in: directory) }
  try retrying("rmdir", name) { name.withCString { unlinkat(number, $0, AT_REMOVEDIR) } }
}

/// Where a symbolic link points.
package func linkTarget(of path: PathBytes, at directory: Int32 = AT_FDCWD) throws(SystemError)
  -> PathBytes
{
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = try retrying("readlink", path) {
    path.withCString { readlinkat(directory, $0, &buffer, buffer.count) }
  }
  return PathBytes(buffer[..<count].lazy.map(UInt8.init(bitPattern:)))
}

/// Bytes an ordinary user may still write to the file system of `path`.
package func freeSpace(at path: PathBytes) throws(SystemError) -> Int64 {
  var buffer = statvfs()
  try retrying("statvfs", path) { path.withCString { statvfs($0, &buffer) } }
  return Int64(buffer.f_bavail) * Int64(buffer.f_frsize)
}
