// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// What all sandboxes of a scratch directory share: nothing in it is ever written again.
struct SandboxPlaces {
  /// The lowest lower directory of every root, so that mount points exist without being made in
  /// the upper directory.
  let skeleton: PathBytes
  /// Each sandbox mounts here in a mount namespace of its own; outside it stays empty.
  let mountPoint: PathBytes

  init(in scratch: PathBytes) throws(SystemError) {
    try makeDirectories(scratch, mode: 0o700)
    let scratch = try absolute(scratch)
    skeleton = scratch.appending("skeleton")
    mountPoint = scratch.appending("root")
    try makeOpenDirectory(mountPoint)
    try makeOpenDirectory(skeleton)
    for name in RootMount.directories + ["etc"] {
      try makeOpenDirectory(skeleton.appending(name))
    }
    for name in ResolverFiles.names {
      try makeEmptyFile(skeleton.appending("etc").appending(name))
    }
  }
}

private func absolute(_ path: PathBytes) throws(SystemError) -> PathBytes {
  let found = path.withCString { realpath($0, nil) }
  guard let found else { throw SystemError("realpath", path, Errno.current) }
  defer { free(found) }
  return PathBytes(
    UnsafeBufferPointer(start: found, count: strlen(found)).lazy.map(UInt8.init(bitPattern:)))
}

/// Whatever the umask, the modes are those the sandbox shows.
private func makeOpenDirectory(_ path: PathBytes) throws(SystemError) {
  do {
    try makeDirectory(path, mode: 0o755)
    try retrying("chmod", path) { path.withCString { chmod($0, 0o755) } }
  } catch  where error.errno == .exists {
    return
  }
}

private func makeEmptyFile(_ path: PathBytes) throws(SystemError) {
  do {
    let file = try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
    let number = file.number
    try retrying("chmod", path) { fchmod(number, 0o644) }
  } catch  where error.errno == .exists {
    return
  }
}
