// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import RecordedFiles

/// What a virtual root is made of, and who the first process in it is.
package struct RootDescription: Sendable {
  /// What is `/`; it belongs to the user of this process, as does all below it.
  package var directory: PathBytes
  /// The file of its records.
  package var records: PathBytes
  /// For copies, and for what is mounted: on the file system of ``directory``, not within it. Records of
  /// what lies in it are removed at the end.
  package var scratch: PathBytes
  /// A mount before those that lie on it.
  package var mounts: [Mount]
  package var workingDirectory: PathBytes
  package var uid: UInt32
  package var gid: UInt32
  package var groups: [UInt32]
  package var umask: UInt32
  /// What `uname` says.
  package var hostname: String
  /// Internet addresses but those of the loopback interface cannot be reached.
  package var isOffline = false

  package init(
    directory: PathBytes, records: PathBytes, scratch: PathBytes, mounts: [Mount],
    workingDirectory: PathBytes = "/", uid: UInt32 = 0, gid: UInt32 = 0, groups: [UInt32] = [],
    umask: UInt32 = 0o022, hostname: String = "localhost"
  ) {
    self.directory = directory
    self.records = records
    self.scratch = scratch
    self.mounts = mounts
    self.workingDirectory = workingDirectory
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.umask = umask
    self.hostname = hostname
  }
}

/// Why there is no virtual root.
package enum RootError: Error, Hashable, Sendable {
  /// The tree has something at `path` that nothing can be mounted on.
  case mountPointBlocked(PathBytes)
  case workingDirectory(Errno)
  case refused(SystemError)
  case records(FileRecordsError)
}
