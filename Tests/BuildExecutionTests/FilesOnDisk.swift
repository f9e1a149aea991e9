// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

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
