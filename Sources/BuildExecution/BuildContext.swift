// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import Synchronization

/// The directory that COPY and ADD read from, without what the ignore file excludes.
///
/// Nothing outside it is ever opened: links are followed as if it were `/`, and what is read is
/// opened without following any.
package struct BuildContext: Sendable {
  /// For messages.
  package var description: String { "the build context" }
  package let directory: PathBytes
  package let filter: PathFilter
  private let root: Root

  /// Shared by copies of the context.
  private final class Root: Sendable {
    let descriptor: FileDescriptor
    let path: PathBytes
    /// Where the last file was: most come after one of the same directory.
    let latest: Mutex<Parent?> = Mutex(nil)

    init(_ directory: PathBytes) throws {
      descriptor = try FileDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
      path = try linkTarget(of: PathBytes("/proc/self/fd/\(descriptor.number)"))
    }
  }

  /// A directory below the root, kept open.
  private final class Parent: Sendable {
    let path: PathBytes
    let descriptor: FileDescriptor

    init(_ path: PathBytes, _ descriptor: consuming FileDescriptor) {
      self.path = path
      self.descriptor = descriptor
    }
  }

  package init(directory: PathBytes, filter: PathFilter = PathFilter()) throws {
    self.directory = directory
    self.filter = filter
    root = try Root(directory)
  }

  /// Where `path` leads when links are followed, relative to the context; nil when nothing is there.
  func resolve(_ path: PathBytes) -> PathBytes? {
    if path.isEmpty { return path }
    guard
      let file = try? FileDescriptor.open(path, inRoot: root.descriptor, flags: O_PATH),
      let target = try? linkTarget(of: PathBytes("/proc/self/fd/\(file.number)")),
      target.isWithin(root.path)
    else { return nil }
    let prefix = root.path.bytes == [PathBytes.slash] ? 1 : root.path.bytes.count + 1
    return PathBytes(Array(target.bytes.dropFirst(prefix)))
  }

  /// Opens a path that ``resolve(_:)`` or ``names(in:)`` gave.
  func open(_ path: PathBytes, flags: Int32 = O_RDONLY) throws -> FileDescriptor {
    guard !path.isEmpty else { return try root.descriptor.duplicate() }
    // A FIFO must not make the build wait; openat2 takes no O_NONBLOCK beside O_PATH.
    let patience = flags & O_PATH == 0 ? O_NONBLOCK : 0
    return try FileDescriptor.openBeneath(
      path.name, in: try parent(of: path).descriptor, flags: flags | O_NOFOLLOW | patience)
  }

  private func parent(of path: PathBytes) throws -> Parent {
    let place = path.parent
    if let known = root.latest.withLock({ $0 }), known.path == place { return known }
    let opened = Parent(
      place,
      place.isEmpty
        ? try root.descriptor.duplicate()
        : try FileDescriptor.openBeneath(
          place, in: root.descriptor, flags: O_PATH | O_DIRECTORY | O_NOFOLLOW))
    root.latest.withLock { $0 = opened }
    return opened
  }

  func names(in path: PathBytes) throws -> [PathBytes] {
    try sortedNames(in: try open(path, flags: O_RDONLY | O_DIRECTORY))
  }

  /// Of the path itself, a final link not followed.
  func status(of path: PathBytes) throws -> FileStatus {
    guard !path.isEmpty else { return try root.descriptor.status() }
    return try FileStatus(of: path.name, at: try parent(of: path).descriptor.number)
  }

  func target(ofLink path: PathBytes) throws -> PathBytes {
    try linkTarget(of: path.name, at: try parent(of: path).descriptor.number)
  }

  /// The extended attributes that travel with a file: all but those of the machine's own policy.
  func attributes(of path: PathBytes) throws -> [ExtendedAttribute] {
    guard !path.isEmpty else { return [] }
    let parent = try parent(of: path)
    let place = PathBytes("/proc/self/fd/\(parent.descriptor.number)").appending(path.name)
    return try extendedAttributes(of: place).filter {
      !$0.name.hasPrefix("security.selinux") && !$0.name.hasPrefix("security.ima")
        && !$0.name.hasPrefix("security.evm") && !$0.name.hasPrefix("trusted.")
        && !$0.name.hasPrefix("user.overlay.")
    }
  }
}
