// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import OCI

/// Turns a child of process 1, already within the root, into the command.
struct CommandStart {
  let program: SandboxedCommand.Program
  let description: SandboxDescription

  func run(tellingFailureTo pipe: consuming FileDescriptor) -> Never {
    do throws(SandboxError) {
      try setUpProcess()
      try becomeUser()
      throw try execute()
    } catch {
      if let text = try? encodeJSON(error) { try? pipe.writeAll(text) }
    }
    _exit(127)
  }

  private func setUpProcess() throws(SandboxError) {
    try kernel("setsid") { setsid() }
    for signal in 1..<endOfSignals { caisson_reset_signal(signal) }
    var none = sigset_t()
    sigemptyset(&none)
    try kernel("sigprocmask") { sigprocmask(SIG_SETMASK, &none, nil) }
    umask(0o022)
    let null = try openNull()
    let number = null.number
    try kernel("dup", "/dev/null") { dup2(number, 0) }
    guard chdir(description.workingDirectory) == 0 else {
      throw SandboxError.workingDirectory(
        description.workingDirectory, errno: Errno.current.code)
    }
  }

  private func openNull() throws(SandboxError) -> FileDescriptor {
    try translating { () throws(SystemError) in
      try FileDescriptor.open("/dev/null", flags: O_RDONLY)
    }
  }

  /// Exactly the user and groups asked for, and no more capabilities than a container has.
  private func becomeUser() throws(SandboxError) {
    try Capability.limitToDefaults()
    let (uid, gid, groups) = (description.uid, description.gid, description.groups)
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

  /// - Returns: Why the command could not be executed.
  private func execute() throws(SandboxError) -> SandboxError {
    let arguments: [String] =
      switch program {
      case .arguments(let arguments): arguments
      case .script: [Script.path]
      }
    let name = arguments.first ?? ""
    var refusal: SandboxError = .commandNotFound(name)
    for candidate in candidates(for: name) {
      close_range(3, UInt32.max, Int32(CLOSE_RANGE_CLOEXEC))
      let errno = execute(candidate, arguments)
      switch errno.code {
      case ENOENT, ENOTDIR:
        guard let interpreter = missingInterpreter(of: candidate) else { continue }
        return .interpreterNotFound(command: name, interpreter: interpreter)
      case EACCES:
        // As a shell does: another directory of PATH may have one that can be executed.
        refusal = .commandNotExecutable(name, errno: errno.code)
      default:
        return .commandNotExecutable(name, errno: errno.code)
      }
    }
    return refusal
  }

  private func execute(_ path: PathBytes, _ arguments: [String]) -> Errno {
    path.withCString { path in
      withCStrings(arguments) { arguments in
        withCStrings(description.environment) { environment in
          execve(path, arguments, environment)
          return Errno.current
        }
      }
    }
  }

  private func candidates(for name: String) -> [PathBytes] {
    if name.utf8.contains(PathBytes.slash) { return [PathBytes(name)] }
    let variable = description.environment.last { $0.hasPrefix("PATH=") }
    let path = variable.map { String($0.dropFirst("PATH=".count)) } ?? Self.defaultPath
    return path.split(separator: ":", omittingEmptySubsequences: false).map {
      PathBytes($0.isEmpty ? "." : String($0)).appending(name)
    }
  }

  private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// What `path`, a file that is there, needs and lacks; nil when `path` itself is missing.
  private func missingInterpreter(of path: PathBytes) -> String? {
    guard let file = try? FileDescriptor.open(path), (try? file.status().kind) == .regular else {
      return exists(path) && (try? FileStatus(of: path, followLinks: true)) != nil
        ? "the program loader" : nil
    }
    var start = [UInt8](repeating: 0, count: 256)
    let count = start.withUnsafeMutableBytes { (try? file.read(into: $0)) ?? 0 }
    return Script.interpreter(in: Array(start[..<count])) ?? "the program loader"
  }
}

/// One past the last signal number of the kernel.
private let endOfSignals: Int32 = 65
