// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles
import Synchronization

/// What all receivers of a sandbox share.
final class World: Sendable {
  /// The directory that is `/` for the sandbox: opened with O_PATH, and its path here.
  let root: Int32
  let rootPath: PathBytes
  let rootInode: InodeNumber
  let records: FileRecords
  let touched: TouchedPaths
  let mounts: MountTable
  let states = ProcessStates()
  let workingDirectories = WorkingDirectories()
  let programs: Programs
  let sockets = SocketNames()
  let ports = InternetPorts()
  let notes = Notes()
  /// Files born before are older than the step: see ``Receiver/part(_:_:)``.
  let beginning: Int64
  /// Where copies are made; on the file system of the tree, not within it.
  let scratch: PathBytes
  let cookie: UInt64
  /// What `uname` says.
  let hostname: String
  let isOffline: Bool
  /// Mounts of ours that are shown, but not changed, by the names of the machine.
  private let protectedPaths: [PathBytes]
  /// `/proc`, opened with O_PATH.
  let processes: Int32
  let processesDevice: UInt64
  let processListing: ProcessListing
  private let treeDevices: [UInt64]
  let readOnlyDevices: [UInt64]
  /// Whether files tell when they were born, so that no record outlives its file unnoticed.
  var hasBirths: Bool { beginning != 0 }
  private let renamings = Atomic(0)
  private let first = Atomic<pid_t>(0)
  /// Directories in which a device node was made, or is.
  private let deviceDirectories = Mutex(Set<InodeNumber>())
  private let dead = Mutex([FileKey]())
  /// Files older than the step that got another name in it.
  let linked = Mutex(Set<FileKey>())
  /// The directory ``scratch``, opened with O_PATH.
  let scratchNumber: Int32
  private let ending = Atomic(false)
  private let counter = Atomic(0)
  let own: pid_t = getpid()

  init(
    root rootPath: PathBytes, records: FileRecords, mounts: MountTable, scratch: PathBytes,
    cookie: UInt64, hostname: String = "localhost", isOffline: Bool = false
  ) throws(SystemError) {
    let root = try FileDescriptor.open(rootPath, flags: O_PATH | O_DIRECTORY)
    let processes = try FileDescriptor.open("/proc", flags: O_PATH | O_DIRECTORY)
    let inode = try Self.status(of: root.number)
    rootInode = inode.number
    treeDevices =
      try [inode.device]
      + mounts.mounts.filter { $0.domain == .tree }
      .map { (mount) throws(SystemError) in try Self.status(of: mount.number).device }
    processesDevice = try Self.status(of: processes.number).device
    let mounted = try contents(of: "/proc/self/mountinfo")
    readOnlyDevices = mounts.mounts.filter { $0.domain == .system && $0.isReadOnly }
      .flatMap { MountedDevices.below($0.hostPath, in: mounted) + [$0.root.device] }
    beginning = try Self.timeOfNewFile(in: scratch)
    self.root = root.release()
    self.processes = processes.release()
    self.rootPath = rootPath
    self.records = records
    self.mounts = mounts
    self.scratch = scratch
    programs = try Programs(scratch: scratch)
    processListing = ProcessListing(at: scratch.appending("processes"))
    scratchNumber = try FileDescriptor.open(scratch, flags: O_PATH | O_DIRECTORY).release()
    self.cookie = cookie
    self.hostname = hostname
    self.isOffline = isOffline
    protectedPaths = mounts.mounts.filter { $0.domain == .tree && $0.isReadOnly }.map(\.hostPath)
    touched = TouchedPaths()
    for mount in mounts.mounts where mount.domain == .tree { rememberDevice(in: mount.root) }
  }

  /// Whether a file of ours lies in a mount that is not changed.
  ///
  /// - Parameters:
  ///   - number: A descriptor of the file.
  ///   - path: Is written over.
  func isProtected(_ number: Int32, _ path: PathBuffer) throws(Errno) -> Bool {
    if protectedPaths.isEmpty { return false }
    try readHostPath(of: number, into: path)
    return protectedPaths.contains { prefix in
      let count = prefix.bytes.count
      return path.begins(with: prefix) && (path.count == count || path.start[count] == slash)
    }
  }

  /// No call is answered any more.
  var isEnding: Bool { ending.load(ordering: .acquiring) }
  func end() { ending.store(true, ordering: .releasing) }

  func domain(ofDevice device: UInt64) -> Domain {
    if treeDevices.contains(device) { return .tree }
    return device == processesDevice ? .process : .system
  }

  /// The process of the command, which stands for process 1 where that is not of the sandbox.
  var firstProcess: pid_t? {
    let first = first.load(ordering: .relaxed)
    return first == 0 ? nil : first
  }
  func rememberFirst(_ thread: pid_t) {
    if first.load(ordering: .relaxed) == 0 {
      first.store(processGroup(of: thread), ordering: .relaxed)
    }
  }

  /// Moves on when paths may lead elsewhere than before.
  var generation: Int { renamings.load(ordering: .acquiring) }
  func invalidatePaths() { renamings.add(1, ordering: .acquiringAndReleasing) }

  func hasDevices(in directory: InodeNumber) -> Bool {
    deviceDirectories.withLock { $0.contains(directory) }
  }
  func rememberDevice(in directory: InodeNumber) {
    deviceDirectories.withLock { _ = $0.insert(directory) }
  }

  /// A name nobody else has.
  func newScratchName() -> PathBytes {
    let number = counter.add(1, ordering: .relaxed).newValue
    return scratch.appending("new-\(number)")
  }

  /// The inode lost its last name: its record goes when nothing can have it open any more.
  func forgetLater(_ key: FileKey) { dead.withLock { $0.append(key) } }

  /// Removes what is not needed when all processes have ended.
  func tidy() {
    for key in dead.withLock({ $0 }) { records.remove(key) }
    mounts.remove()
  }

  /// The clock of the file system, which is coarser than the processor's: files made after this
  /// returns are younger.
  private static func timeOfNewFile(in scratch: PathBytes) throws(SystemError) -> Int64 {
    var last: Int64 = 0
    while true {
      let path = scratch.appending("time")
      let file = try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL)
      let born = try status(of: file.number).born
      try? removeFile(path)
      if born == 0 || (last != 0 && born > last) { return born }
      last = born
      usleep(200)
    }
  }

  private static func status(of number: Int32) throws(SystemError) -> Inode {
    var raw = statx()
    try retrying("statx") { statx(number, "", AT_EMPTY_PATH, statusMask, &raw) }
    return Inode(raw: raw, record: nil, domain: .tree)
  }
}

/// Everything `stat` tells, and when a file was born.
let statusMask = UInt32(STATX_BASIC_STATS) | UInt32(STATX_BTIME)
