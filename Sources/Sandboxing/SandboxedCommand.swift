// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A command with everything about it decided: names looked up, variables expanded.
package struct SandboxedCommand: Hashable, Sendable, Codable {
  package enum Program: Hashable, Sendable, Codable {
    /// The argument vector. A first word without slash is looked for in the `PATH` of the
    /// command's environment, within the sandbox.
    case arguments([String])
    /// The content of a file that is started; it stands outside the layer.
    case script(String)
  }

  package var program: Program
  /// `NAME=value`, all of it: nothing is added.
  package var environment: [String]
  /// Absolute; it must be there.
  package var workingDirectory: String
  package var uid: UInt32
  package var gid: UInt32
  /// Exactly these supplementary groups.
  package var groups: [UInt32]
  package var hostname: String
  /// A mount before those that lie on it; no two on one place.
  package var mounts: [SandboxMount] = []
  package var network = SandboxNetwork.host
  /// More lines for `/etc/hosts`: an address and a name.
  package var hosts: [String] = []
  /// `/dev/shm`; nil for 64 MiB. The virtual sandbox cannot keep to it.
  package var sharedMemorySizeInBytes: Int64?
  package var limits: [SandboxLimit] = []

  package init(
    _ program: Program, environment: [String], workingDirectory: String = "/", uid: UInt32 = 0,
    gid: UInt32 = 0, groups: [UInt32] = [], hostname: String = "localhost"
  ) {
    self.program = program
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.hostname = hostname
  }
}

/// The directories an overlay file system is made of.
///
/// After a command the upper directory *is* its change set, in the kernel's own terms
/// (Documentation/filesystems/overlayfs.rst):
///
/// - what was made or changed is there, complete: content, owner, mode, times, attributes; a
///   directory is also there when only something below it changed;
/// - what was removed is a character device 0:0 of that name;
/// - a directory that replaces one of the lower directories has the attribute
///   `trusted.overlay.opaque` = `y`, within a user namespace `user.overlay.opaque`; so has many a
///   new directory that replaces nothing. Others of the name `*.overlay.*` (`origin`, `impure`,
///   `uuid`, ...) are bookkeeping and no part of the change;
/// - a removed file with hard links in a lower directory leaves the other names as they were, and
///   a changed one is parted from them;
/// - nothing of `/proc`, `/sys`, `/dev` and the resolver files is there.
///
/// A renamed directory is copied (`redirect_dir` is off), so no redirect needs to be followed.
package struct OverlayRoot: Hashable, Sendable {
  /// Unpacked layers, the topmost first; none for an empty base.
  package var lower: [PathBytes]
  /// Its own mode and owner are those of `/` in the sandbox. It must not lie on an overlay itself,
  /// nor within reach of other users, as it may come to hold set-user-ID programs and devices.
  ///
  /// What is written is not flushed to the disk: after a crash of the machine it is worth nothing.
  package var upper: PathBytes
  /// A directory on the file system of ``upper`` for the kernel's own use; it is left as it was.
  package var work: PathBytes

  package init(lower: [PathBytes], upper: PathBytes, work: PathBytes) {
    self.lower = lower
    self.upper = upper
    self.work = work
  }
}

/// How a command came to its end.
package enum ProcessEnd: Hashable, Sendable, Codable {
  case exited(Int32)
  case signaled(Int32)

  /// As shells report it: the exit code, or 128 and the signal's number.
  package var status: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal
    }
  }
}
