// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import Synchronization

/// What a process in the sandbox has that the kernel must not know of: it believes in these.
///
/// Values are interned: processes in the same state share one, and a child inherits its parent's
/// without anybody looking, since the kernel copies the mark (``ProcessStates``).
final class ProcessState: Sendable {
  let credentials: Credentials
  let umask: UInt32
  let workingDirectory: WorkingDirectory
  /// Where the program lies in the virtual root, for `/proc/PID/exe`.
  let executable: PathBytes
  /// The soft limit that marks a process in this state.
  let tag: UInt64

  init(
    credentials: Credentials, umask: UInt32, workingDirectory: WorkingDirectory,
    executable: PathBytes, tag: UInt64
  ) {
    self.credentials = credentials
    self.umask = umask
    self.workingDirectory = workingDirectory
    self.executable = executable
    self.tag = tag
  }
}

/// Every state there is, by the mark that the kernel keeps for us in the soft limit of RLIMIT_LOCKS:
/// it is inherited over fork and kept over exec, and nothing else uses it since Linux 2.4.
final class ProcessStates: Sendable {
  private struct Key: Hashable {
    var credentials: Credentials
    var umask: UInt32
    var workingDirectory: ObjectIdentifier
    var executable: PathBytes
  }

  private struct Table {
    var states: [ProcessState?] = []
    var free: [Int] = []
    var indexes: [Key: Int] = [:]
    /// Not in use at the last collection; gone at the next if still not.
    var suspects: Set<Int> = []
    var nextCollection = 2048
  }

  /// Above any limit somebody sets, and different each time.
  private let base = (UInt64.random(in: 1 << 20..<1 << 30)) << 32
  private let table = Mutex(Table())

  /// The state of a process of the sandbox; nil for any other process.
  func state(of process: pid_t) -> ProcessState? {
    let tag = caisson_tag(process)
    guard tag >= base, tag &- base < 1 << 32 else { return nil }
    return table.withLock { table in
      let index = Int(tag - base)
      return index < table.states.count ? table.states[index] : nil
    }
  }

  func contains(_ process: pid_t) -> Bool {
    let tag = caisson_tag(process)
    return tag >= base && tag &- base < 1 << 32
  }

  func state(
    _ credentials: Credentials, umask: UInt32, workingDirectory: WorkingDirectory,
    executable: PathBytes
  ) -> ProcessState {
    let key = Key(
      credentials: credentials, umask: umask, workingDirectory: ObjectIdentifier(workingDirectory),
      executable: executable)
    return table.withLock { table in
      if let index = table.indexes[key], let state = table.states[index] {
        table.suspects.remove(index)
        return state
      }
      let index = table.free.popLast() ?? table.states.count
      let state = ProcessState(
        credentials: credentials, umask: umask, workingDirectory: workingDirectory,
        executable: executable, tag: base + UInt64(index))
      if index == table.states.count {
        table.states.append(state)
      } else {
        table.states[index] = state
      }
      table.indexes[key] = index
      return state
    }
  }

  /// Forgets states that no process has any more, when there are many; call it now and then.
  func collectIfNeeded() {
    let isNeeded = table.withLock { $0.states.count - $0.free.count > $0.nextCollection }
    guard isNeeded else { return }
    var used: Set<Int> = []
    // Twice: a process that forked and moved on during the first pass left its mark to the child.
    for _ in 0..<2 {
      for process in processIDs() {
        let tag = caisson_tag(process)
        if tag >= base, tag &- base < 1 << 32 { used.insert(Int(tag - base)) }
      }
    }
    let dropped: [ProcessState] = table.withLock { table in
      var dropped: [ProcessState] = []
      var suspects: Set<Int> = []
      for (index, state) in table.states.enumerated() {
        guard let state, !used.contains(index) else { continue }
        guard table.suspects.contains(index) else {
          suspects.insert(index)
          continue
        }
        let key = Key(
          credentials: state.credentials, umask: state.umask,
          workingDirectory: ObjectIdentifier(state.workingDirectory), executable: state.executable)
        table.indexes[key] = nil
        table.states[index] = nil
        table.free.append(index)
        dropped.append(state)
      }
      table.suspects = suspects
      table.nextCollection = max(2048, 2 * (table.states.count - table.free.count))
      return dropped
    }
    // Their working directories are closed outside the lock.
    _ = consume dropped
  }
}

/// A directory that processes stand in: a descriptor, so that it follows renames as in the kernel.
final class WorkingDirectory: Sendable {
  let number: Int32
  let domain: Domain

  /// - Parameter number: An O_PATH descriptor; closed with the value.
  init(owning number: Int32, domain: Domain) {
    self.number = number
    self.domain = domain
  }

  deinit { close(number) }
}

/// The directories above, each once, so that processes in the same place share a state.
final class WorkingDirectories: Sendable {
  private struct WeakDirectory {
    weak var directory: WorkingDirectory?
  }
  private let known = Mutex([InodeNumber: WeakDirectory]())

  /// - Parameter number: Closed here when the directory is known.
  func directory(owning number: Int32, _ inode: InodeNumber, domain: Domain) -> WorkingDirectory {
    known.withLock { known in
      if let directory = known[inode]?.directory {
        close(number)
        return directory
      }
      if known.count > 4096 { known = known.filter { $0.value.directory != nil } }
      let directory = WorkingDirectory(owning: number, domain: domain)
      known[inode] = WeakDirectory(directory: directory)
      return directory
    }
  }
}

/// Every process this one can see.
func processIDs() -> [pid_t] {
  guard let directory = opendir("/proc") else { return [] }
  defer { closedir(directory) }
  var found: [pid_t] = []
  while let entry = readdir(directory) {
    let number = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
      tuple.withMemoryRebound(to: CChar.self, capacity: 256) { decimal($0, count: strlen($0)) }
    }
    if let number { found.append(number) }
  }
  return found
}
