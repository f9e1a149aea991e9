// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What a seccomp listener can do here (seccomp_unotify(2)).
package struct ListenerFacts: Hashable, Sendable {
  package var installs: Trial = .works
  package var answers: Trial = .works
  package var continues: Trial = .works
  package var adds: Trial = .works
  package var addsAndSends: Trial = .works
  /// Linux 5.19; without it a signal can interrupt a call that is being answered.
  package var waitsKillable: Trial = .works
  /// Linux 6.6; without it each answer takes longer.
  package var wakesSynchronously: Trial = .works

  package init() {}
}

/// What a process may do to a descendant that lost its parent.
package struct TracingFacts: Hashable, Sendable {
  package var adopts: Trial = .works
  package var readsMemory: Trial = .works
  /// Through `/proc/PID/mem`.
  package var readsMemoryFile: Trial = .works
  package var setsLimits: Trial = .works
  /// The hard limit of RLIMIT_LOCKS, whose soft limit carries a tag.
  package var hasInfiniteLockLimit = true
  package var seizes: Trial = .works
  package var setsRegisters: Trial = .works
  package var steps: Trial = .works

  package init() {}
}

/// What the virtual sandbox stands on.
package struct VirtualFacts: Hashable, Sendable {
  /// As `uname -m` has it.
  package var architecture: String
  package var kernel: KernelRelease
  package var guest: GuestKernel?
  /// `kernel.yama.ptrace_scope`; 0 where there is no Yama.
  package var yamaScope: Int
  package var security: SecurityModules
  package var seccomp: ProcessStatus.SeccompMode?
  package var listener: ListenerFacts
  package var tracing: TracingFacts
  package var opensInRoot: Trial
  /// From a file in memory.
  package var executesMemory: Trial
  package var work: WorkDirectory

  package init(
    architecture: String = "x86_64", kernel: KernelRelease, guest: GuestKernel? = nil,
    yamaScope: Int = 0, security: SecurityModules = SecurityModules(),
    seccomp: ProcessStatus.SeccompMode? = .filter, listener: ListenerFacts = ListenerFacts(),
    tracing: TracingFacts = TracingFacts(), opensInRoot: Trial = .works,
    executesMemory: Trial = .works, work: WorkDirectory
  ) {
    self.architecture = architecture
    self.kernel = kernel
    self.guest = guest
    self.yamaScope = yamaScope
    self.security = security
    self.seccomp = seccomp
    self.listener = listener
    self.tracing = tracing
    self.opensInRoot = opensInRoot
    self.executesMemory = executesMemory
    self.work = work
  }
}
