// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A directory that ends with the test.
final class TemporaryDirectory: Sendable {
  let path: PathBytes

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    path = PathBytes(parent).appending(
      "caisson-tests-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    try makeDirectory(path)
  }

  deinit { try? removeTree(path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> PathBytes {
    let file = path.appending(name)
    try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
    return file
  }

  func symbolicLink(_ name: String, to target: PathBytes) throws -> PathBytes {
    let link = path.appending(name)
    try retrying("symlink", link) {
      target.withCString { target in link.withCString { symlink(target, $0) } }
    }
    return link
  }
}

func setMode(_ path: PathBytes, _ mode: UInt32) throws {
  try retrying("chmod", path) { path.withCString { chmod($0, mode_t(mode)) } }
}

/// Of the file itself, in seconds since 1970.
func setTime(_ path: PathBytes, _ seconds: Int64) throws {
  let time = timespec(tv_sec: Int(seconds), tv_nsec: 0)
  let times = [time, time]
  try retrying("utimens", path) {
    path.withCString { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }
  }
}

func hardLink(_ old: PathBytes, _ new: PathBytes) throws {
  try retrying("link", new) { old.withCString { old in new.withCString { link(old, $0) } } }
}

/// A FIFO or a socket.
func makeNode(_ path: PathBytes, _ kind: mode_t) throws {
  try retrying("mknod", path) { path.withCString { mknod($0, kind | 0o644, 0) } }
}
