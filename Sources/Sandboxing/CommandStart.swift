// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Turns a child of process 1, already within the root, into the command.
struct CommandStart {
  let command: SandboxedCommand

  /// - Returns: Why the command could not be executed.
  func run() throws(SandboxError) -> SandboxError {
    try leaveParent()
    umask(0o022)
    guard chdir(command.workingDirectory) == 0 else {
      throw SandboxError.workingDirectory(command.workingDirectory, errno: Errno.current.code)
    }
    // Before the user is another, who may not raise any.
    for limit in command.limits { try limit.apply() }
    try becomeUser()
    return command.execute()
  }

  /// Exactly the user and groups asked for, and no more capabilities than a container has.
  private func becomeUser() throws(SandboxError) {
    try Capability.limitToDefaults()
    let (uid, gid, groups) = (command.uid, command.gid, command.groups)
    do {
      try retrying("setgroups") { setgroups(groups.count, groups) }
      try retrying("setresgid") { setresgid(gid, gid, gid) }
      try retrying("setresuid") { setresuid(uid, uid, uid) }
    } catch  where error.errno == .invalidArgument {
      throw SandboxError.userNotMapped(uid: uid, gid: gid)
    } catch {
      throw SandboxError(error)
    }
  }
}
