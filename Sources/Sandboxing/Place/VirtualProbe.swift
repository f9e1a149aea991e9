// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Whether the virtual sandbox works here. It takes some milliseconds and leaves nothing.
package enum VirtualProbe {
  package enum Answer: Hashable, Sendable {
    case here
    /// - Parameters:
    ///   - reasons: For people, one sentence each.
    ///   - help: The way out.
    case nowhere(reasons: [String], help: String)
  }

  /// - Parameter work: The directory the roots of commands will lie in; need not exist yet.
  package static func answer(work: PathBytes) -> Answer { Answer(facts(work: work).refusals) }

  package static func facts(work: PathBytes) -> VirtualFacts {
    let name = SystemName()
    return VirtualFacts(
      architecture: name.machine, kernel: KernelRelease(name.release),
      guest: .recognized(
        version: text(of: "/proc/version") ?? "", commandLine: text(of: "/proc/cmdline") ?? "",
        mounts: Mount.all(in: (try? contents(of: "/proc/self/mountinfo")) ?? [])),
      yamaScope: number(of: "/proc/sys/kernel/yama/ptrace_scope").map { Int($0) } ?? 0,
      security: .ofThisProcess,
      seccomp: ProcessStatus(parsing: text(of: "/proc/self/status") ?? "").seccomp,
      listener: .tried, tracing: .tried,
      opensInRoot: Trial { () throws(SystemError) in
        _ = try FileDescriptor.open(
          "proc", inRoot: try FileDescriptor.open("/", flags: O_PATH | O_DIRECTORY),
          flags: O_PATH)
      }, executesMemory: SmallestProgram.startFromMemory(), work: WorkDirectory(trying: work))
  }
}

extension VirtualProbe.Answer {
  package init(_ refusals: [VirtualRefusal]) {
    var helps: [String] = []
    for refusal in refusals where !helps.contains(refusal.help) { helps.append(refusal.help) }
    self =
      refusals.isEmpty
      ? .here
      : .nowhere(reasons: refusals.map(\.reason), help: helps.joined(separator: "; "))
  }
}

/// How long a probe may take before it is given up; it takes milliseconds, but machines can be busy.
let probeLimitInMilliseconds: Int32 = 5000

extension ListenerFacts {
  fileprivate static var tried: ListenerFacts {
    var answers = [Int32](repeating: -1, count: Int(CAISSON_ANSWERS))
    let outcome = caisson_probe_listener(&answers, probeLimitInMilliseconds)
    func trial(_ index: Int) -> Trial { Trial(answers[index]) }
    var facts = ListenerFacts()
    facts.installs =
      outcome == 0 ? trial(Int(CAISSON_LISTENER_INSTALL)) : .refused(Errno(outcome))
    facts.answers = trial(Int(CAISSON_LISTENER_ANSWER))
    facts.continues = trial(Int(CAISSON_LISTENER_CONTINUE))
    facts.adds = trial(Int(CAISSON_LISTENER_ADDFD))
    facts.addsAndSends = trial(Int(CAISSON_LISTENER_ADDFD_SEND))
    facts.waitsKillable = trial(Int(CAISSON_LISTENER_WAIT_KILLABLE))
    facts.wakesSynchronously = trial(Int(CAISSON_LISTENER_SYNC_WAKE_UP))
    return facts
  }
}

extension TracingFacts {
  fileprivate static var tried: TracingFacts {
    var answers = [Int32](repeating: -1, count: Int(CAISSON_ANSWERS))
    let outcome = caisson_probe_tracing(&answers, probeLimitInMilliseconds)
    func trial(_ index: Int) -> Trial { Trial(answers[index]) }
    var facts = TracingFacts()
    facts.adopts = outcome == 0 ? trial(Int(CAISSON_TRACING_SUBREAPER)) : .refused(Errno(outcome))
    facts.readsMemory = trial(Int(CAISSON_TRACING_READ_MEMORY))
    facts.readsMemoryFile = trial(Int(CAISSON_TRACING_MEMORY_FILE))
    facts.setsLimits = trial(Int(CAISSON_TRACING_LIMIT))
    facts.hasInfiniteLockLimit = answers[Int(CAISSON_TRACING_LIMIT_IS_INFINITE)] == 1
    facts.seizes = trial(Int(CAISSON_TRACING_SEIZE))
    facts.setsRegisters = trial(Int(CAISSON_TRACING_REGISTERS))
    facts.steps = trial(Int(CAISSON_TRACING_STEP))
    return facts
  }
}

extension SecurityModules {
  static var ofThisProcess: SecurityModules {
    SecurityModules(
      list: text(of: "/sys/kernel/security/lsm"),
      appArmor: text(of: "/proc/self/attr/apparmor/current"),
      current: text(of: "/proc/self/attr/current"), enforce: text(of: "/sys/fs/selinux/enforce"),
      restriction: text(of: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"))
  }
}

/// `uname`.
struct SystemName {
  var release: String
  var machine: String

  init() {
    var name = utsname()
    uname(&name)
    release = withUnsafeBytes(of: name.release) { Self.text($0) }
    machine = withUnsafeBytes(of: name.machine) { Self.text($0) }
  }

  private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}

/// A small file of the kernel's; nil where it is not to be had.
func text(of path: PathBytes) -> String? {
  (try? contents(of: path, limit: 4 << 20)).map { String(decoding: $0, as: UTF8.self) }
}

func number(of path: PathBytes) -> Int64? { text(of: path).flatMap { Int64(trimmed($0)) } }
