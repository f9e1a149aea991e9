// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A directory a builder may want to use.
package struct PlaceDirectory: Hashable, Sendable {
  package enum Purpose: String, Hashable, Sendable {
    case work, workspace, cache, temporary, home, root
  }

  package var purpose: Purpose
  package var path: PathBytes
  package var exists: Bool
  package var writes: Trial
  /// `ext4`; empty where it cannot be told.
  package var type: String
  /// Those that matter: `ro`, `noexec`, `nosuid`, `nodev`.
  package var flags: [String]
  package var freeBytes: Int64?
  package var freeInodes: Int64?

  package init(
    purpose: Purpose, path: PathBytes, exists: Bool = true, writes: Trial = .works,
    type: String = "ext4", flags: [String] = [], freeBytes: Int64? = nil, freeInodes: Int64? = nil
  ) {
    self.purpose = purpose
    self.path = path
    self.exists = exists
    self.writes = writes
    self.type = type
    self.flags = flags
    self.freeBytes = freeBytes
    self.freeInodes = freeInodes
  }

  /// Looks at a directory; one that is missing is judged by the nearest above it.
  init(_ purpose: Purpose, _ wanted: PathBytes, mounts: [Mount]) {
    let exists = (try? FileStatus(of: wanted, followLinks: true).kind) == .directory
    let place = nearestDirectory(wanted)
    let mount = Mount.holding(withoutLinks(place), in: mounts)
    let space = FreeSpace(place)
    self.init(
      purpose: purpose, path: wanted, exists: exists,
      writes: Trial { () throws(SystemError) in
        _ = try retrying("access") {
          place.withCString { faccessat(AT_FDCWD, $0, W_OK | X_OK, AT_EACCESS) }
        }
      }, type: mount?.type ?? "",
      flags: ["ro", "noexec", "nosuid", "nodev"].filter { mount?.has($0) ?? false },
      freeBytes: space?.bytes, freeInodes: space?.inodes)
  }
}

private struct FreeSpace {
  var bytes: Int64
  /// Nil where the file system does not count them.
  var inodes: Int64?

  init?(_ path: PathBytes) {
    var buffer = statvfs()
    guard path.withCString({ statvfs($0, &buffer) }) == 0 else { return nil }
    bytes = Int64(
      clamping: UInt64(buffer.f_bavail).multipliedReportingOverflow(
        by: UInt64(buffer.f_frsize)
      ).partialValue)
    inodes = buffer.f_files == 0 ? nil : Int64(clamping: buffer.f_favail)
  }
}

private func withoutLinks(_ path: PathBytes) -> PathBytes {
  guard let found = path.withCString({ realpath($0, nil) }) else { return path }
  defer { free(found) }
  return PathBytes(String(cString: found))
}
