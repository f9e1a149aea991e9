// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Finds the real places in a tree that mounts are asked for, and makes them where an image lacks
/// them or has a link that leads nowhere.
struct MountPlaces: Sendable {
  private enum Change {
    case made(directory: PathBytes)
    case moved(PathBytes, to: PathBytes)
  }

  private let root: PathBytes
  private let scratch: PathBytes
  private var changes: [(change: Change, time: KeptTime)] = []

  init(on root: PathBytes, scratch: PathBytes) {
    self.root = root
    self.scratch = scratch
  }

  /// The same mounts, at places without links on their way.
  ///
  /// - Throws: ``RootError/mountPointBlocked(_:)``, and what was changed is to be put back all the same.
  mutating func places(for mounts: [Mount]) throws(RootError) -> [Mount] {
    var placed: [Mount] = []
    for mount in mounts {
      var mount = mount
      // What lies on another mount has its place made there.
      if !placed.contains(where: { mount.path.isWithin($0.path) }) {
        mount.path =
          try isDirectory(mount.content.source)
          ? directory(mount.path) : file(mount.path)
      }
      placed.append(mount)
    }
    return placed
  }

  /// Undoes it.
  ///
  /// - Returns: Directories that stay, since something was put into them: they are new in the tree.
  @discardableResult
  func putBack() -> [PathBytes] {
    var kept: [PathBytes] = []
    for (change, time) in changes.reversed() {
      switch change {
      case .made(let directory):
        let path = root.appending(directory)
        var isGone = false
        time.keeping { isGone = path.withCString { rmdir($0) } == 0 }
        if !isGone { kept.append(directory) }
      case .moved(let path, let aside):
        // A command cannot make anything in its place: there was a mount.
        time.keeping { try? rename(aside, to: root.appending(path)) }
      }
    }
    return kept
  }

  private func isDirectory(_ source: PathBytes) throws(RootError) -> Bool {
    do {
      return try FileStatus(of: source, followLinks: true).kind == .directory
    } catch {
      throw .refused(error)
    }
  }

  /// One at the top must be a directory itself: a link would lead somewhere else once the command
  /// changes it.
  private mutating func directory(_ path: PathBytes) throws(RootError) -> PathBytes {
    if path.parent.isEmpty {
      if let status = try? FileStatus(of: root.appending(path)), status.kind != .directory {
        throw .mountPointBlocked(path)
      }
      return path
    }
    if let found = try found(path) {
      guard found.kind == .directory else { throw .mountPointBlocked(path) }
      return found.path
    }
    let place = try parent(of: path).appending(path.name)
    guard !exists(root.appending(place)) else { throw .mountPointBlocked(path) }
    return place
  }

  /// A file may be reached through links within the image.
  private mutating func file(_ path: PathBytes) throws(RootError) -> PathBytes {
    if let found = try found(path), found.kind == .regular { return found.path }
    let parent = try parent(of: path)
    let place = parent.appending(path.name)
    guard exists(root.appending(place)) else { return place }
    let aside = scratch.appending("aside-\(changes.count)")
    try change(.moved(place, to: aside), in: root.appending(parent)) {
      [root] () throws(SystemError) in
      try rename(root.appending(place), to: aside)
    }
    return place
  }

  /// The directory that `path` is in, links followed; made with those above it where it is missing.
  private mutating func parent(of path: PathBytes) throws(RootError) -> PathBytes {
    let parent = path.parent
    if parent.isEmpty { return parent }
    if let found = try found(parent) {
      guard found.kind == .directory else { throw .mountPointBlocked(path) }
      return found.path
    }
    let outer = try self.parent(of: parent)
    let place = outer.appending(parent.name)
    guard !exists(root.appending(place)) else { throw .mountPointBlocked(path) }
    try change(.made(directory: place), in: root.appending(outer)) {
      [root] () throws(SystemError) in
      try makeDirectory(root.appending(place), mode: 0o755)
    }
    return place
  }

  private mutating func change(
    _ change: Change, in directory: PathBytes, _ body: () throws(SystemError) -> Void
  ) throws(RootError) {
    do throws(SystemError) {
      changes.append((change, try KeptTime(of: directory, changedBy: body)))
    } catch {
      throw .refused(error)
    }
  }

  /// What `path` leads to within the tree.
  private func found(_ path: PathBytes) throws(RootError) -> (
    path: PathBytes, kind: FileStatus.Kind
  )? {
    do {
      let root = try FileDescriptor.open(self.root, flags: O_PATH | O_DIRECTORY)
      guard let file = try? FileDescriptor.open(path, inRoot: root, flags: O_PATH) else {
        return nil
      }
      let real = try linkTarget(of: PathBytes("/proc/self/fd/\(file.number)"))
      let kind = try file.status().kind
      return (PathBytes(Array(real.bytes.dropFirst(self.root.bytes.count + 1))), kind)
    } catch {
      throw .refused(error)
    }
  }
}

/// The modification time of a directory before and after a change of ours: the change is undone
/// without a trace, and what others changed meanwhile keeps its time.
struct KeptTime: Sendable {
  private let directory: PathBytes
  private let before: FileTime
  private let after: FileTime

  init(of directory: PathBytes, changedBy body: () throws(SystemError) -> Void) throws(SystemError)
  {
    self.directory = directory
    before = try FileStatus(of: directory, followLinks: true).modified
    try body()
    after = try FileStatus(of: directory, followLinks: true).modified
  }

  func keeping(_ body: () -> Void) {
    let now = try? FileStatus(of: directory, followLinks: true).modified
    body()
    guard let now else { return }
    let kept = now == after ? before : now
    let time = timespec(tv_sec: Int(kept.seconds), tv_nsec: Int(kept.nanoseconds))
    // The time of the last access stays.
    let times = [timespec(tv_sec: 0, tv_nsec: utimeOmit), time]
    _ = directory.withCString { utimensat(AT_FDCWD, $0, times, 0) }
  }
}

/// UTIME_OMIT, a macro that Swift does not see.
private let utimeOmit = (1 << 30) - 2
