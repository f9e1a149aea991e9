// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Puts one mount of a command in its place, everything else mounted.
struct CommandMount: ~Copyable {
  private let wanted: SandboxMount
  private let root: Int32
  private let own: Int32

  /// - Parameter own: A directory of ours in memory, hidden from the sandbox.
  init(_ mount: SandboxMount, root: borrowing FileDescriptor, own: borrowing FileDescriptor) {
    wanted = mount
    self.root = root.number
    self.own = own.number
  }

  func mount() throws(SandboxError) {
    switch wanted.content {
    case .place(let path):
      let source = try openPlace(path)
      try bind(source, on: try place(like: source), name: wanted.target)
      try restrict()
    case .file(let file):
      let source = try make(file)
      try bind(source, on: try place(like: source), name: wanted.target)
      try restrict()
    case .temporary(let size):
      let size = size.map { ",size=\($0)" } ?? ""
      try FileSystemMount(
        type: "tmpfs", flags: Int(MS_NOSUID) | Int(MS_NODEV), options: "mode=1777" + size
      ).mount(on: try directory(), name: wanted.target)
    }
  }

  private func restrict() throws(SandboxError) {
    guard let mounted = existing() else { throw blocked }
    let number = mounted.number
    // A kernel before 5.12 keeps the mounts of the machine's own flags.
    if caisson_forbid_devices(number) != 0, Errno.current.code != ENOSYS {
      throw SandboxError.refused(
        operation: "forbid devices", path: wanted.target.description, errno: Errno.current.code)
    }
    if wanted.isReadOnly { try makeReadOnly(mounted: mounted, name: wanted.target) }
  }

  private func make(_ file: SandboxMount.File) throws(SandboxError) -> FileDescriptor {
    let name = PathBytes("file-\(UInt64.random(in: 0...UInt64.max))")
    let own = own
    return try translating { () throws(SystemError) in
      let made = try FileDescriptor.open(
        name, at: own, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      try made.writeAll(file.content)
      let number = made.number
      try retrying("chown", name) { fchown(number, file.uid, file.gid) }
      try retrying("chmod", name) { fchmod(number, mode_t(file.permissions)) }
      return try FileDescriptor.open(name, at: own, flags: O_PATH | O_NOFOLLOW)
    }
  }

  private var blocked: SandboxError { .mountPointBlocked(path: "/\(wanted.target)") }

  private func place(like source: borrowing FileDescriptor) throws(SandboxError) -> FileDescriptor {
    try kind(of: source) == .directory ? try directory() : try file()
  }

  /// The mount point, as it is now; nil when nothing is there.
  private func existing() -> FileDescriptor? {
    let target = FileDescriptor(owning: dup(root))
    return try? FileDescriptor.open(wanted.target, inRoot: target, flags: O_PATH)
  }

  /// ``StubTree`` made it, unless it lies on another mount.
  private func directory() throws(SandboxError) -> FileDescriptor {
    let found = try place(isDirectory: true)
    guard try kind(of: found) == .directory else { throw blocked }
    return found
  }

  private func file() throws(SandboxError) -> FileDescriptor {
    let found = try place(isDirectory: false)
    guard try kind(of: found) != .directory else { throw blocked }
    return found
  }

  private func kind(of file: borrowing FileDescriptor) throws(SandboxError) -> FileStatus.Kind {
    try translating { () throws(SystemError) in try file.status() }.kind
  }

  /// The mount point, made where another mount lacks it: the directories on the way as well.
  private func place(isDirectory: Bool) throws(SandboxError) -> FileDescriptor {
    if let found = existing() { return found }
    let base = FileDescriptor(owning: dup(root))
    var above = PathBytes("")
    for name in wanted.target.components.dropLast() {
      let parent = try open(above, base)
      above = above.appending(name)
      if (try? FileDescriptor.open(above, inRoot: base, flags: O_PATH)) == nil {
        try makeDirectory(name, in: parent)
      }
    }
    let parent = try open(above, base)
    if isDirectory {
      try makeDirectory(wanted.target.name, in: parent)
    } else {
      try makeFile(wanted.target.name, in: parent)
    }
    return try open(wanted.target, base)
  }

  private func open(_ path: PathBytes, _ base: borrowing FileDescriptor) throws(SandboxError)
    -> FileDescriptor
  {
    if path.isEmpty { return try translating { () throws(SystemError) in try base.duplicate() } }
    do {
      return try FileDescriptor.open(path, inRoot: base, flags: O_PATH)
    } catch {
      throw blocked
    }
  }
}
