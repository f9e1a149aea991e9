// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles
import Synchronization

/// A virtual root that processes run in, or are about to.
///
/// Made while the program has one thread. A child of it calls ``confine(sendingListenerTo:)`` on
/// itself and is in the root from then on; meanwhile this process serves what arrives.
package final class LiveRoot: Sendable {
  private let world: World
  private let first: ProcessState
  private let filter: [sock_filter]
  private let places: MountPlaces
  private let mounted: PathBytes
  private let receivers = ReceiverThreads()

  /// What whoever asked for the root should hear: programs that could not run, and the like.
  package var notes: [String] { world.notes.list }

  package init(_ description: RootDescription) throws(RootError) {
    let records: FileRecords
    do { records = try FileRecords(opening: description.records) } catch { throw .records(error) }
    let directory = try description.directory.real()
    let scratch = try description.scratch.real()
    try directory.checkExecution()
    var places = MountPlaces(on: directory, scratch: scratch)
    do throws(RootError) {
      let mounts = try MountTable.placed(try places.places(for: description.mounts), on: directory)
      do throws(RootError) {
        world = try World.made(
          directory, records, mounts, scratch, description.hostname, description.isOffline)
        first = try world.firstState(description)
      } catch {
        mounts.remove()
        throw error
      }
    } catch {
      places.putBack()
      throw error
    }
    filter = CallFilter.program(TrappedCall.rules, cookie: world.cookie)
    self.places = places
    mounted = scratch
  }

  /// Puts this process, a child of the one that serves, into the root for good.
  ///
  /// - Parameter socket: The other end calls ``serve(_:)`` with what arrives.
  package func confine(sendingListenerTo socket: Int32) throws(SystemError) {
    try retrying("prctl") { caisson_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }
    // Its memory is read from now on, by the process that serves.
    try retrying("prctl") { caisson_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) }
    Landlock.restrict(
      sockets: [world.rootPath, mounted] + world.mounts.writablePaths,
      programs: world.programs.loaders.map(\.number))
    let tag = first.tag
    try retrying("mark the process") { caisson_set_tag(0, tag) }
    let count = UInt16(filter.count)
    let listener = FileDescriptor(
      owning: try retrying("install a seccomp listener") {
        filter.withUnsafeBufferPointer { program in
          program.baseAddress.map { caisson_install_filter($0, count) } ?? -1
        }
      })
    let (number, cookie) = (listener.number, world.cookie)
    try retrying("send the seccomp listener") { caisson_send_descriptor(socket, number, cookie) }
  }

  /// Answers the calls of all processes in the root, on threads of their own, until ``end(touched:)``.
  ///
  /// - Parameter socket: Where a child sends its listener.
  /// - Returns: False when the child ended before it did.
  package func serve(listenerFrom socket: Int32) -> Bool {
    let listener = caisson_receive_descriptor(socket)
    guard listener >= 0 else { return false }
    // Absent before Linux 6.6, where each call takes longer.
    _ = caisson_wake_up_synchronously(listener)
    receivers.start(ReceiverThreads.count, world: world, listener: listener)
    return true
  }

  /// Ends every process in the root, those included that nobody here started directly.
  ///
  /// Children of the caller are reaped.
  package func killProcesses() {
    // Stopped, they cannot run ahead of the list.
    signalProcesses(SIGSTOP)
    while signalProcesses(SIGKILL) > 0 {
      reapChildren()
      usleep(500)
    }
    reapChildren()
  }

  /// - Returns: How many processes it was sent to.
  @discardableResult
  private func signalProcesses(_ signal: Int32) -> Int {
    var count = 0
    for process in processIDs() where world.states.contains(process) && !isZombie(process) {
      kill(process, signal)
      count += 1
    }
    return count
  }

  private func reapChildren() {
    while waitpid(-1, nil, WNOHANG) > 0 {}
  }

  /// Leaves the tree as the processes made it, which have all ended.
  ///
  /// - Parameter file: Gets the paths they touched.
  package func end(touched file: PathBytes) throws(RootError) {
    world.end()
    receivers.stop()
    world.tidy()
    for path in places.putBack() { world.touched.add(path, .name) }
    world.records.removeAll(below: mounted)
    do {
      try world.records.synchronize()
      try world.touched.write(to: file)
    } catch {
      throw .records(error)
    }
  }
}

extension PathBytes {
  /// Without any link on its way, as the kernel tells paths.
  fileprivate func real() throws(RootError) -> PathBytes {
    guard let found = withCString({ realpath($0, nil) }) else {
      throw .refused(SystemError("realpath", self, Errno.current))
    }
    defer { free(found) }
    return PathBytes(
      Array(UnsafeBufferPointer(start: found, count: strlen(found))).map(UInt8.init(bitPattern:)))
  }

  /// Programs are mapped by the processes themselves, which a mount may forbid.
  fileprivate func checkExecution() throws(RootError) {
    var found = statvfs()
    do throws(SystemError) {
      try retrying("statvfs", self) { withCString { statvfs($0, &found) } }
    } catch {
      throw .refused(error)
    }
    if found.f_flag & UInt(ST_NOEXEC) != 0 {
      throw .refused(SystemError("run programs of a noexec mount", self, .accessDenied))
    }
  }
}

extension MountTable {
  fileprivate static func placed(_ mounts: [Mount], on root: PathBytes) throws(RootError)
    -> MountTable
  {
    do { return try MountTable(mounts, on: root) } catch { throw .refused(error) }
  }
}

extension World {
  fileprivate static func made(
    _ root: PathBytes, _ records: FileRecords, _ mounts: MountTable, _ scratch: PathBytes,
    _ hostname: String, _ isOffline: Bool
  ) throws(RootError) -> World {
    do {
      return try World(
        root: root, records: records, mounts: mounts, scratch: scratch,
        cookie: UInt64.random(in: 0...UInt64.max), hostname: hostname, isOffline: isOffline)
    } catch {
      throw .refused(error)
    }
  }

  fileprivate func firstState(_ description: RootDescription) throws(RootError) -> ProcessState {
    let credentials = Credentials(
      uid: description.uid, gid: description.gid, groups: description.groups)
    do throws(Errno) {
      return states.state(
        credentials, umask: description.umask,
        workingDirectory: try workingDirectory(description.workingDirectory, credentials),
        executable: "/")
    } catch {
      throw .workingDirectory(error)
    }
  }

  /// As `chdir` of a process with `credentials`.
  private func workingDirectory(_ path: PathBytes, _ credentials: Credentials) throws(Errno)
    -> WorkingDirectory
  {
    let buffer = PathBuffer()
    try buffer.append(path)
    let caller = Walker.Caller(
      thread: own, credentials: credentials.ignoresPermissions ? nil : credentials)
    let node = try Walker(self).file(
      buffer, from: Node(borrowing: root, domain: .tree), follow: true, for: caller)
    let domain = node.domain
    let inode = try inode(of: node.number, domain)
    guard inode.isDirectory else { throw .notDirectory }
    guard domain != .tree || inode.permits(X_OK, credentials) else { throw .accessDenied }
    return workingDirectories.directory(
      owning: try node.release(), inode.number, domain: domain)
  }
}

extension FileRecords {
  /// Forgets whatever lies below a directory that is about to go.
  fileprivate func removeAll(below directory: PathBytes) {
    for name in (try? names(inDirectory: directory)) ?? [] {
      let path = directory.appending(name)
      guard let found = try? FileStatus.withBirth(of: path, at: AT_FDCWD) else { continue }
      remove(FileKey(found))
      if found.status.kind == .directory { removeAll(below: path) }
    }
  }
}

/// Whether a process has ended and waits for its parent to notice.
private func isZombie(_ process: pid_t) -> Bool {
  guard let status = try? contents(of: PathBytes("/proc/\(process)/stat"), limit: 4096),
    let end = status.lastIndex(of: UInt8(ascii: ")")), end + 2 < status.count
  else { return true }
  return status[end + 2] == UInt8(ascii: "Z") || status[end + 2] == UInt8(ascii: "X")
}
