// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import Synchronization

/// The programs that processes are about to become, and what they become them with.
final class Programs: Sendable {
  private struct State {
    /// By process.
    var awaited: [pid_t: Program] = [:]
    var overwritten: [pid_t: OverwrittenPath] = [:]
    /// The loader's descriptor in threads whose `execve` was interrupted.
    var leftovers: [pid_t: Int32] = [:]
    /// Programs that no path leads to, by what `/proc/PID/exe` says of them.
    var unnamed: [PathBytes: Program] = [:]
  }

  private let state = Mutex(State())
  private let loader: LoaderFile
  private let loaderWithExecutableStack: LoaderFile
  let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))

  /// - Parameter scratch: Where a file can be made, for a moment.
  init(scratch: PathBytes) throws(SystemError) {
    loader = try LoaderFile(hasExecutableStack: false, scratch: scratch)
    loaderWithExecutableStack = try LoaderFile(hasExecutableStack: true, scratch: scratch)
  }

  var loaders: [LoaderFile] { [loader, loaderWithExecutableStack] }

  func loader(hasExecutableStack: Bool) -> LoaderFile {
    hasExecutableStack ? loaderWithExecutableStack : loader
  }

  /// Keeps a program until the loader in `process` asks for it.
  func await(
    _ program: Program, in process: pid_t, overwriting path: OverwrittenPath? = nil
  ) {
    state.withLock { state in
      // Processes that were killed never ask.
      if state.awaited.count > 64 { state.awaited = state.awaited.filter { kill($0.key, 0) == 0 } }
      state.awaited[process] = program
      if let path { state.overwritten[process] = path }
    }
  }

  func take(_ process: pid_t) -> Program? {
    state.withLock { $0.awaited.removeValue(forKey: process) }
  }

  func takeOverwrittenPath(_ process: pid_t) -> OverwrittenPath? {
    state.withLock { $0.overwritten.isEmpty ? nil : $0.overwritten.removeValue(forKey: process) }
  }

  func leave(_ descriptor: Int32, in thread: pid_t) {
    state.withLock { state in
      if state.leftovers.count > 64 {
        state.leftovers = state.leftovers.filter { kill($0.key, 0) == 0 }
      }
      state.leftovers[thread] = descriptor
    }
  }

  /// The descriptor that an earlier attempt left in the thread.
  func leftover(in thread: pid_t) -> Int32? {
    state.withLock { $0.leftovers.isEmpty ? nil : $0.leftovers.removeValue(forKey: thread) }
  }

  /// Remembers a program that has no name in the virtual root (a memfd, a removed file), so that
  /// `/proc/PID/exe` leads to it.
  func keepUnnamed(_ program: Program) {
    state.withLock { state in
      if state.unnamed.count > 64 { state.unnamed.removeAll() }
      state.unnamed[program.executable] = program
    }
  }

  /// - Returns: A descriptor for the caller of this to close.
  func copyOfUnnamed(_ executable: PathBytes) -> Int32? {
    state.withLock { state in
      guard let program = state.unnamed[executable] else { return nil }
      let copy = caisson_fcntl_int(program.file, F_DUPFD_CLOEXEC, 0)
      return copy < 0 ? nil : copy
    }
  }
}
