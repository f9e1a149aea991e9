// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

extension SandboxedCommand {
  /// Replaces this process, which is within the root.
  ///
  /// - Returns: Why the command could not be executed.
  func execute() -> SandboxError {
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
        withCStrings(environment) { environment in
          execve(path, arguments, environment)
          return Errno.current
        }
      }
    }
  }

  private func candidates(for name: String) -> [PathBytes] {
    if name.utf8.contains(PathBytes.slash) { return [PathBytes(name)] }
    let variable = environment.last { $0.hasPrefix("PATH=") }
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
