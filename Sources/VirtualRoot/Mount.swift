// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Something that is shown at a place of the virtual root instead of what the tree has there.
///
/// The tree has a *stub* at the place: a directory or file whose mode on disk is 0 meanwhile, so that
/// the kernel's own path resolution fails there with EACCES, which it does nowhere else.
package struct Mount: Sendable {
  package enum Content: Sendable {
    /// A directory or file of ours, with records like those of the tree.
    case recorded(PathBytes)
    /// A directory of the machine, shown as it is and not changed.
    case system(PathBytes)
    /// `/proc`, of the processes of the sandbox only.
    case processes
  }

  /// In the virtual root, without leading slash; no symbolic link on the way.
  package var path: PathBytes
  package var content: Content
  package var isReadOnly: Bool

  package init(at path: PathBytes, _ content: Content, isReadOnly: Bool = false) {
    self.path = path
    self.content = content
    self.isReadOnly = isReadOnly
  }
}

/// A mount in place.
struct ActiveMount: Sendable {
  let path: PathBytes
  /// What is shown: a descriptor opened with O_PATH, open as long as the program runs.
  let number: Int32
  let domain: Domain
  let isReadOnly: Bool
  let stub: InodeNumber
  /// The inode of what is shown.
  let root: InodeNumber
  /// By which descriptors below it are known again (`readlink` of `/proc/self/fd/N`).
  let hostPath: PathBytes
}

/// The mounts of a step, placed on the tree and taken away again.
final class MountTable: Sendable {
  let mounts: [ActiveMount]
  /// Stubs made for the purpose, deepest last.
  private let made: [MadeStub]
  private let covered: [(path: PathBytes, mode: UInt32)]

  private struct MadeStub {
    var path: PathBytes
    var isDirectory: Bool
    var time: KeptTime
  }

  private struct Stub {
    var number: InodeNumber
    var made: MadeStub?
    var mode: UInt32
  }

  /// - Parameter root: The directory that the virtual root is, for its owner.
  /// - Throws: What was refused; the tree is as it was then.
  init(_ wanted: [Mount], on root: PathBytes) throws(SystemError) {
    var mounts: [ActiveMount] = []
    var made: [MadeStub] = []
    var covered: [(path: PathBytes, mode: UInt32)] = []
    do throws(SystemError) {
      for mount in wanted {
        let place = Self.place(of: mount, on: root, below: mounts)
        let file = try FileDescriptor.open(mount.content.source, flags: O_PATH)
        let status = try file.status()
        let stub = try Self.stub(at: place, isDirectory: status.kind == .directory)
        if let new = stub.made { made.append(new) }
        covered.append((place, stub.mode))
        mounts.append(
          ActiveMount(
            path: mount.path, number: file.release(), domain: mount.content.domain,
            isReadOnly: mount.isReadOnly, stub: stub.number,
            root: InodeNumber(device: status.device, inode: status.inode),
            hostPath: mount.content.source))
      }
      // Last, since what lies on a stub cannot be reached any more.
      for (path, _) in covered.reversed() {
        try retrying("chmod", path) { path.withCString { chmod($0, 0) } }
      }
    } catch {
      Self.remove(made, covered)
      for mount in mounts { close(mount.number) }
      throw error
    }
    self.mounts = mounts
    self.made = made
    self.covered = covered
  }

  private static func place(of mount: Mount, on root: PathBytes, below mounts: [ActiveMount])
    -> PathBytes
  {
    let outer = mounts.last { mount.path.isWithin($0.path) && mount.path != $0.path }
    guard let outer else { return root.appending(mount.path) }
    let rest = PathBytes(Array(mount.path.bytes.dropFirst(outer.path.bytes.count + 1)))
    return outer.hostPath.appending(rest)
  }

  /// Leaves the tree as if nothing had ever been mounted.
  func remove() { Self.remove(made, covered) }

  private static func remove(_ made: [MadeStub], _ covered: [(path: PathBytes, mode: UInt32)]) {
    for (path, mode) in covered { _ = path.withCString { chmod($0, mode) } }
    for stub in made.reversed() {
      stub.time.keeping {
        _ = stub.path.withCString { stub.isDirectory ? rmdir($0) : unlink($0) }
      }
    }
  }

  func mount(onStub inode: InodeNumber) -> ActiveMount? { mounts.first { $0.stub == inode } }
  func mount(withRoot inode: InodeNumber) -> ActiveMount? { mounts.first { $0.root == inode } }

  func isStubOrRoot(_ inode: InodeNumber) -> Bool {
    mounts.contains { $0.stub == inode || $0.root == inode }
  }

  /// Of the directories and files of ours that may be changed, by the names of the machine.
  var writablePaths: [PathBytes] {
    mounts.filter { $0.domain == .tree && !$0.isReadOnly }.map(\.hostPath)
  }

  var processes: ActiveMount? { mounts.first { $0.domain == .process } }

  /// Whether a path begins with one of the places, read as it stands.
  func covers(_ path: PathBuffer) -> Bool {
    for mount in mounts {
      let count = mount.path.bytes.count
      guard path.count > count, path.start[1 + count] == 0 || path.start[1 + count] == slash else {
        continue
      }
      let isSame = mount.path.bytes.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return false }
        return memcmp(start, path.start + 1, count) == 0
      }
      if isSame { return true }
    }
    return false
  }

  private static func stub(at place: PathBytes, isDirectory: Bool) throws(SystemError) -> Stub {
    if let status = try? FileStatus(of: place) {
      guard isDirectory ? status.kind == .directory : status.kind == .regular else {
        throw SystemError("mount", place, isDirectory ? .notDirectory : Errno(EISDIR))
      }
      return Stub(
        number: InodeNumber(device: status.device, inode: status.inode), made: nil,
        mode: status.permissions)
    }
    let time = try KeptTime(of: place.parent) { () throws(SystemError) in
      if isDirectory {
        try makeDirectory(place, mode: 0o755)
      } else {
        _ = try FileDescriptor.open(
          place, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
      }
    }
    let status = try FileStatus(of: place)
    return Stub(
      number: InodeNumber(device: status.device, inode: status.inode),
      made: MadeStub(path: place, isDirectory: isDirectory, time: time), mode: status.permissions)
  }
}

extension Mount.Content {
  var source: PathBytes {
    switch self {
    case .recorded(let path), .system(let path): path
    case .processes: "/proc"
    }
  }

  var domain: Domain {
    switch self {
    case .recorded: .tree
    case .system: .system
    case .processes: .process
    }
  }
}
