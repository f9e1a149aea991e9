// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A directory where roots of commands may lie, and what its file system lets be done there.
package struct WorkDirectory: Hashable, Sendable {
  /// The directory itself, or the nearest above it that exists.
  package var path: PathBytes
  package var writes: Trial
  /// A program there can be started.
  package var executes: Trial
  /// A library there can be mapped; refused on a `noexec` mount.
  package var mapsExecutable: Trial
  /// Files have a time of birth, which tells reused inode numbers apart.
  package var hasBirthTimes: Trial

  package init(
    path: PathBytes, writes: Trial = .works, executes: Trial = .works,
    mapsExecutable: Trial = .works, hasBirthTimes: Trial = .works
  ) {
    self.path = path
    self.writes = writes
    self.executes = executes
    self.mapsExecutable = mapsExecutable
    self.hasBirthTimes = hasBirthTimes
  }

  /// Tries all of it; what is made is gone afterwards.
  package init(trying wanted: PathBytes) {
    let path = nearestDirectory(wanted)
    self.init(
      path: path, executes: .notTried, mapsExecutable: .notTried,
      hasBirthTimes: Trial(path.withCString { caisson_try_birth_time($0) }))
    let program = SmallestProgram.bytes ?? [0x7F]
    do {
      let file = try unnamedFile(program, in: path)
      mapsExecutable = Self.mapping(file)
      executes = SmallestProgram.bytes == nil ? .notTried : SmallestProgram.start(file)
    } catch {
      writes = .refused(error.errno)
    }
  }

  private static func mapping(_ file: borrowing FileDescriptor) -> Trial {
    let place = mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.number, 0)
    guard place != MAP_FAILED else { return .refused(.current) }
    munmap(place, 4096)
    return .works
  }
}

/// `wanted`, or the nearest directory above it that exists.
func nearestDirectory(_ wanted: PathBytes) -> PathBytes {
  var path = wanted
  while (try? FileStatus(of: path, followLinks: true).kind) != .directory {
    guard !path.parent.isEmpty, path.parent != path else { return "/" }
    path = path.parent
  }
  return path
}

/// A file of these bytes without a name, open for reading only, as who executes it needs.
private func unnamedFile(_ bytes: [UInt8], in directory: PathBytes) throws(SystemError)
  -> FileDescriptor
{
  do {
    let flags = O_RDWR | 0o20_000_000 | O_DIRECTORY  // O_TMPFILE, a macro Swift cannot see
    let file = try FileDescriptor.open(directory, flags: flags, mode: 0o700)
    try file.writeAll(bytes)
    return try FileDescriptor.open(PathBytes("/proc/self/fd/\(file.number)"))
  } catch  where [EOPNOTSUPP, EISDIR, ENOENT, EINVAL].contains(error.errno.code) {
    let suffix = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let name = directory.appending(".caisson-doctor-\(suffix)")
    let file = try FileDescriptor.open(name, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o700)
    defer { try? removeFile(name) }
    try file.writeAll(bytes)
    return try FileDescriptor.open(name)
  }
}
