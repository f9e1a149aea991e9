// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc

/// What one process may do to another, by who both are.
extension Credentials {
  /// kill(2): `kill_ok_by_cred` of the kernel. SIGCONT within a session is a matter of the caller.
  func maySignal(_ other: Credentials) -> Bool {
    [other.uid, other.savedUID].contains { $0 == uid || $0 == effectiveUID } || has(CAP_KILL)
  }

  /// ptrace(2), "Ptrace access mode checking", with the real IDs, as debuggers and
  /// `process_vm_readv` have it. No process of the sandbox has CAP_SYS_PTRACE.
  func mayTrace(_ other: Credentials) -> Bool {
    let isSameUser = [other.uid, other.effectiveUID, other.savedUID].allSatisfy { $0 == uid }
    let isSameGroup = [other.gid, other.effectiveGID, other.savedGID].allSatisfy { $0 == gid }
    return isSameUser && isSameGroup && other.permitted & ~permitted == 0 && other.isDumpable
  }

  /// prlimit(2)
  func mayLimit(_ other: Credentials) -> Bool {
    let isSameUser = [other.uid, other.effectiveUID, other.savedUID].allSatisfy { $0 == uid }
    let isSameGroup = [other.gid, other.effectiveGID, other.savedGID].allSatisfy { $0 == gid }
    return isSameUser && isSameGroup
  }

  /// setpriority(2), sched_setscheduler(2), ioprio_set(2). No process of the sandbox has
  /// CAP_SYS_NICE.
  func maySchedule(_ other: Credentials) -> Bool {
    effectiveUID == other.effectiveUID || effectiveUID == other.uid
  }
}
