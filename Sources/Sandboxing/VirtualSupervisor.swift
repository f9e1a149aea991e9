// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI
import RecordedFiles
import VirtualRoot

/// The process that carries out what the processes of a virtual sandbox ask of the kernel.
///
/// It has one thread until the process that reaps is forked off, and no rights beyond those of its
/// user, so that what is closed to everybody is closed to it: mount points are.
struct VirtualSupervisor {
  private let description: VirtualDescription
  private let root: LiveRoot
  /// Of open files, as it was: the command gets it back.
  private let limit: rlimit

  /// - Returns: The exit code: 0 whenever a report was written.
  static func run() -> Int32 {
    SupervisorLine.open()
    do throws(SandboxError) {
      let description = try SupervisorLine.description(VirtualDescription.self)
      let limit = try setUpProcess()
      let root = try liveRoot(description)
      let supervisor = VirtualSupervisor(description: description, root: root, limit: limit)
      return write(supervisor.carryOut())
    } catch {
      return write(.failed(error))
    }
  }

  private static func write(_ report: SandboxReport) -> Int32 {
    var report = report
    if case .failed(.refused(let operation, let path, let errno)) = report {
      report = .failed(.virtualRefused(operation: operation, path: path, errno: errno))
    }
    return SupervisorLine.write(report) ? 0 : 1
  }

  private static func setUpProcess() throws(SandboxError) -> rlimit {
    try Capability.dropAll()
    // Dropping them may have cleared it.
    try kernel("prctl") { caisson_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
    try kernel("prctl") { caisson_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }
    try kernel("chdir") { chdir("/") }
    // Modes are exactly those asked for.
    umask(0)
    signal(SIGPIPE, SIG_IGN)
    var signals = VirtualInit.signals
    try kernel("sigprocmask") { sigprocmask(SIG_BLOCK, &signals, nil) }
    var limit = rlimit()
    try kernel("getrlimit") { getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
    var raised = rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)
    try kernel("setrlimit") { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) }
    return limit
  }

  private static func liveRoot(_ description: VirtualDescription) throws(SandboxError) -> LiveRoot {
    let mounts = try VirtualMounts(description).make()
    let command = description.command
    var root = RootDescription(
      directory: description.tree, records: description.records, scratch: description.scratch,
      mounts: mounts, workingDirectory: PathBytes(command.workingDirectory), uid: command.uid,
      gid: command.gid, groups: command.groups, hostname: command.hostname)
    root.isOffline = command.network == SandboxNetwork.none
    do {
      return try LiveRoot(root)
    } catch {
      throw SandboxError(error, command)
    }
  }

  private func carryOut() -> SandboxReport {
    var report: SandboxReport
    do throws(SandboxError) { report = try startAndWatch() } catch { report = .failed(error) }
    // Nobody but a process that was killed has left any.
    root.killProcesses()
    // Among what the command said itself: a program of another architecture was not run, for one.
    let errors = FileDescriptor(owning: STDERR_FILENO)
    for note in root.notes { try? errors.writeAll(Array("caisson: \(note)\n".utf8)) }
    do throws(RootError) {
      try root.end(touched: description.touched)
    } catch {
      report = .failed(SandboxError(error, description.command))
    }
    // Whoever asked does so too, unless it is gone.
    try? removeTree(description.scratch)
    return report
  }

  private func startAndWatch() throws(SandboxError) -> SandboxReport {
    let sockets = try socketPair()
    let ours = FileDescriptor(owning: sockets.0)
    var ends: [Int32] = [-1, -1]
    try kernel("pipe") { pipe2(&ends, O_CLOEXEC) }
    let result = FileDescriptor(owning: ends[0])
    let parent = getpid()
    let pid = try kernel("fork") { fork() }
    if pid == 0 {
      VirtualInit(
        description: description, root: root, limit: limit, socket: sockets.1, report: ends[1]
      ).run(below: parent)
    }
    for number in [sockets.1, ends[1]] { close(number) }
    _ = root.serve(listenerFrom: ours.number)
    try SupervisorLine.watch(
      pid, gracePeriodInMilliseconds: description.gracePeriodInMilliseconds)
    do {
      return try decodeJSON(SandboxReport.self, from: try contents(of: result))
    } catch {
      throw SandboxError.supervisorDied(status: 0)
    }
  }
}

extension SandboxError {
  init(_ error: RootError, _ command: SandboxedCommand) {
    switch error {
    case .mountPointBlocked(let path): self = .mountPointBlocked(path: "/\(path)")
    case .workingDirectory(let errno):
      self = .workingDirectory(command.workingDirectory, errno: errno.code)
    case .refused(let error): self.init(error)
    case .records(let error): self.init(error)
    }
  }

  init(_ error: FileRecordsError) {
    switch error {
    case .refused(let error): self.init(error)
    case .damaged(let path, let reason):
      self = .recordsDamaged(path: path.description, reason: reason)
    }
  }
}
