// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem

/// Why the virtual sandbox cannot work somewhere.
package enum VirtualRefusal: Hashable, Sendable {
  case architecture(String)
  case gVisor
  case oldKernel(KernelRelease)
  case yama(scope: Int)
  /// Somebody listens already: a runtime, or a builder around this one.
  case listenerTaken
  case listener(Errno)
  /// The filter was installed, and the listener cannot do what is asked of it.
  case listenerCall(String, Errno)
  case memory(Errno)
  case tracing(String, Errno, SecurityModules)
  case lockLimit
  case openInRoot(Errno)
  case notWritable(PathBytes, Errno)
  case noExecution(PathBytes, Errno)
  case noBirthTimes(PathBytes)

  /// What happened, without full stop.
  package var reason: String {
    switch self {
    case .architecture(let name): "it is written for x86-64 so far, and this machine is \(name)"
    case .gVisor: "gVisor (runsc) runs this pod, and its kernel has no seccomp listener"
    case .oldKernel(let kernel):
      "Linux \(kernel.text) is too old: 5.14 is the first that can answer system calls with "
        + "descriptors"
    case .yama(let scope):
      "Yama's kernel.yama.ptrace_scope is \(scope), which forbids looking into descendants"
    case .listenerTaken: "a seccomp listener is installed over this process already"
    case .listener(let errno): "the kernel refuses a seccomp listener: \(errno)"
    case .listenerCall(let call, let errno): "a seccomp listener cannot \(call): \(errno)"
    case .memory(let errno):
      "the memory of descendants cannot be read (process_vm_readv): \(errno)"
    case .tracing(let call, let errno, let security):
      "descendants cannot be traced (\(call)): \(errno)" + Self.blame(security)
    case .lockLimit: "the hard limit of RLIMIT_LOCKS is not unlimited"
    case .openInRoot(let errno): "openat2 with RESOLVE_IN_ROOT is refused: \(errno)"
    case .notWritable(let path, let errno):
      "the work directory cannot be written to (\"\(path)\"): \(errno)"
    case .noExecution(let path, let errno):
      "programs in the work directory cannot be run (\"\(path)\", a noexec mount?): \(errno)"
    case .noBirthTimes(let path):
      "the file system of the work directory has no times of birth (\"\(path)\")"
    }
  }

  /// The way out.
  package var help: String {
    switch self {
    case .architecture: "build on an amd64 node, or use --sandbox namespaces"
    case .gVisor: "run the pod with a runtimeClassName whose runtime is runc, crun or Kata"
    case .oldKernel: "run the pod on a node with Linux 5.14 or later"
    case .yama:
      "set the node's sysctl kernel.yama.ptrace_scope to 0 or 1, or run the pod on another node"
    case .listenerTaken:
      "start the builder outside of the other one, with a seccomp profile that notifies nobody"
    case .listener, .listenerCall:
      "use securityContext.seccompProfile.type RuntimeDefault; the profile here is stricter"
    case .memory:
      "use a runtime whose default profile allows process_vm_readv (containerd 2, CRI-O, Docker "
        + "20.10 and later), or add it to the seccomp profile"
    case .tracing(_, _, let security): Self.tracingHelp(security)
    case .lockLimit: "start the builder without a limit on file locks (ulimit -x unlimited)"
    case .openInRoot:
      "use Linux 5.6 or later, and a seccomp profile that knows openat2 (RuntimeDefault of a "
        + "runtime of 2021 or later)"
    case .notWritable: "mount a writable volume, and name it with --store or CAISSON_STORE"
    case .noExecution: "put the work directory on a volume without noexec, such as an emptyDir"
    case .noBirthTimes:
      "put the work directory on ext4, xfs, btrfs or tmpfs, such as an emptyDir of the node"
    }
  }

  private static func blame(_ security: SecurityModules) -> String {
    if let appArmor = security.appArmor, appArmor.isEnforced {
      return ", under the AppArmor profile \(appArmor.profile)"
    }
    if let type = security.seLinux?.type { return ", under the SELinux type \(type)" }
    return ""
  }

  private static func tracingHelp(_ security: SecurityModules) -> String {
    if security.appArmor?.isEnforced == true {
      return
        "use securityContext.appArmorProfile.type RuntimeDefault, or add \"ptrace (trace, read, "
        + "tracedby, readby) peer=@{profile_name},\" to the profile"
    }
    if security.seLinux != nil {
      return "switch SELinux's boolean off on the node: setsebool -P deny_ptrace off"
    }
    return "use securityContext.seccompProfile.type RuntimeDefault; the profile here is stricter"
  }
}

extension VirtualFacts {
  /// Everything that stands in the way; empty where the virtual sandbox works. What explains the
  /// rest stands alone.
  package var refusals: [VirtualRefusal] {
    if guest == .gVisor { return [.gVisor] }
    var found: [VirtualRefusal] = []
    if architecture != "x86_64" { found.append(.architecture(architecture)) }
    if let refusal = listenerRefusal { found.append(refusal) }
    if (2...).contains(yamaScope) {
      found.append(.yama(scope: yamaScope))
    } else {
      found += tracingRefusals
    }
    if let errno = opensInRoot.errno { found.append(.openInRoot(errno)) }
    if let refusal = workRefusal { found.append(refusal) }
    return found
  }

  private var listenerRefusal: VirtualRefusal? {
    let calls: [(String, Trial)] = [
      ("answer", listener.answers), ("let a call go on", listener.continues),
      ("hand over descriptors", listener.adds),
      ("hand over descriptors as answers", listener.addsAndSends),
    ]
    let failed = calls.first { !$0.1.isGood }
    if listener.installs.isGood, failed == nil { return nil }
    let minimum = KernelRelease.virtualMinimum
    if !kernel.isAtLeast(minimum.major, minimum.minor) { return .oldKernel(kernel) }
    guard listener.installs.isGood else {
      let errno = listener.installs.errno ?? Errno(ETIMEDOUT)
      return errno.code == EBUSY ? .listenerTaken : .listener(errno)
    }
    return failed.map { .listenerCall($0.0, $0.1.errno ?? Errno(ETIMEDOUT)) }
  }

  private var tracingRefusals: [VirtualRefusal] {
    var found: [VirtualRefusal] = []
    if !tracing.readsMemory.isGood {
      found.append(.memory(tracing.readsMemory.errno ?? Errno(ETIMEDOUT)))
    }
    let calls: [(String, Trial)] = [
      ("PR_SET_CHILD_SUBREAPER", tracing.adopts), ("PTRACE_SEIZE", tracing.seizes),
      ("PTRACE_SETREGSET", tracing.setsRegisters), ("PTRACE_SINGLESTEP", tracing.steps),
      ("prlimit", tracing.setsLimits),
    ]
    if let failed = calls.first(where: { !$0.1.isGood }) {
      found.append(.tracing(failed.0, failed.1.errno ?? Errno(ETIMEDOUT), security))
    } else if !tracing.hasInfiniteLockLimit {
      found.append(.lockLimit)
    }
    return found
  }

  private var workRefusal: VirtualRefusal? {
    if let errno = work.writes.errno { return .notWritable(work.path, errno) }
    if let errno = work.mapsExecutable.errno { return .noExecution(work.path, errno) }
    if let errno = work.executes.errno, !executesMemory.isGood {
      return .noExecution(work.path, errno)
    }
    return work.hasBirthTimes.isGood ? nil : .noBirthTimes(work.path)
  }
}
