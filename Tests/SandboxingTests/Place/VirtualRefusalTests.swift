// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite struct VirtualRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var facts: VirtualFacts
    /// What the reasons and the help contain, in order; none where the sandbox works.
    var reasons: [String] = []
    var help = ""

    init(
      _ description: String, reasons: [String] = [], help: String = "",
      _ change: (inout VirtualFacts) -> Void = { _ in }
    ) {
      testDescription = description
      facts = RecordedPlaces.facts(change)
      self.reasons = reasons
      self.help = help
    }
  }

  @Test(arguments: [
    Case("a restricted pod"), Case("Yama 1") { $0.yamaScope = 1 },
    Case("Yama 2", reasons: ["ptrace_scope is 2"], help: "sysctl kernel.yama.ptrace_scope") {
      $0.yamaScope = 2
      $0.tracing.seizes = .refused(Errno(EPERM))
      $0.tracing.readsMemory = .refused(Errno(EPERM))
    },
    Case("Yama 3, though root may", reasons: ["ptrace_scope is 3"]) { $0.yamaScope = 3 },
    Case("gVisor", reasons: ["gVisor"], help: "runtimeClassName") {
      $0.guest = .gVisor
      $0.kernel = KernelRelease("4.4.0")
      $0.listener.installs = .refused(Errno(EINVAL))
      $0.opensInRoot = .refused(Errno(ENOSYS))
    },
    Case("Kata") { $0.guest = .kata },
    Case("RHEL 8", reasons: ["Linux 4.18.0-553 is too old"], help: "5.14") {
      $0.kernel = KernelRelease("4.18.0-553")
      $0.listener.installs = .refused(Errno(EINVAL))
    },
    Case("Linux 5.10", reasons: ["Linux 5.10.0-33 is too old"]) {
      $0.kernel = KernelRelease("5.10.0-33")
      $0.listener.addsAndSends = .refused(Errno(EINVAL))
    },
    Case("an old kernel with the calls brought back to it") {
      $0.kernel = KernelRelease("5.4.0-custom")
    },
    Case("Linux 5.14, without what came later") {
      $0.kernel = KernelRelease("5.14.0-427.el9")
      $0.listener.waitsKillable = .refused(Errno(EINVAL))
      $0.listener.wakesSynchronously = .refused(Errno(EINVAL))
    },
    Case("a builder in a builder", reasons: ["listener is installed over"], help: "outside") {
      $0.listener.installs = .refused(Errno(EBUSY))
    },
    Case(
      "a profile without seccomp", reasons: ["refuses a seccomp listener"], help: "RuntimeDefault"
    ) {
      $0.listener.installs = .refused(Errno(EPERM))
      $0.listener.answers = .notTried
    },
    Case("containerd 1.6", reasons: ["process_vm_readv"], help: "containerd 2") {
      $0.tracing.readsMemory = .refused(Errno(EPERM))
    },
    Case(
      "AppArmor", reasons: ["PTRACE_SEIZE", "under the AppArmor profile strict"].map { $0 },
      help: "appArmorProfile"
    ) {
      $0.security.appArmor = SecurityModules.AppArmor(profile: "strict", mode: "enforce")
      $0.tracing.seizes = .refused(Errno(EACCES))
    },
    Case("SELinux", reasons: ["under the SELinux type container_t"], help: "deny_ptrace") {
      $0.security.seLinux = SecurityModules.SELinux(context: "system_u:system_r:container_t:s0")
      $0.tracing.seizes = .refused(Errno(EACCES))
    },
    Case("a limit of locks", reasons: ["RLIMIT_LOCKS"], help: "ulimit -x unlimited") {
      $0.tracing.hasInfiniteLockLimit = false
    },
    Case("arm64", reasons: ["aarch64"], help: "amd64") { $0.architecture = "aarch64" },
    Case("no openat2", reasons: ["openat2"]) { $0.opensInRoot = .refused(Errno(EPERM)) },
    Case("a read-only place", reasons: ["cannot be written to (\"/cache\")"], help: "CAISSON_STORE")
    {
      $0.work.writes = .refused(Errno(EROFS))
      $0.work.mapsExecutable = .notTried
    },
    Case("noexec", reasons: ["noexec"], help: "emptyDir") {
      $0.work.mapsExecutable = .refused(Errno(EPERM))
      $0.work.executes = .refused(Errno(EACCES))
    },
    Case("memfd_noexec, and programs from files") { $0.executesMemory = .refused(Errno(EACCES)) },
    Case("programs from nowhere", reasons: ["cannot be run"]) {
      $0.executesMemory = .refused(Errno(EACCES))
      $0.work.executes = .refused(Errno(EACCES))
    },
    Case("NFS", reasons: ["times of birth"], help: "ext4") {
      $0.work.hasBirthTimes = .refused(Errno(ENODATA))
    },
  ])
  func `what the virtual sandbox lacks is told with the way out`(_ c: Case) {
    let refusals = c.facts.refusals
    #expect(refusals.isEmpty == c.reasons.isEmpty)
    let reasons = refusals.map(\.reason).joined(separator: "\n")
    for part in c.reasons { #expect(reasons.contains(part)) }
    guard case .nowhere(_, let help) = VirtualProbe.Answer(refusals) else {
      #expect(c.reasons.isEmpty)
      return
    }
    #expect(help.contains(c.help))
  }

  @Test func `two reasons with one way out name it once`() {
    let answer = VirtualProbe.Answer([
      .listener(Errno(EPERM)), .listenerCall("answer", Errno(EPERM)), .gVisor,
    ])
    guard case .nowhere(let reasons, let help) = answer else {
      Issue.record("it works")
      return
    }
    #expect(reasons.count == 3)
    #expect(help.split(separator: ";").count == 3)  // one of them has a semicolon itself
  }
}
