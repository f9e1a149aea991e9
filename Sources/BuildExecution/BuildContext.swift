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
  package let description: String
  package let directory: PathBytes
  package let filter: PathFilter
  private let root: Root
  /// Does not show in its parent; relative to the root.
  private let hidden: PathBytes?

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

    /// Nil when `other`, which is absolute, does not lie within.
    func relative(_ other: PathBytes) -> PathBytes? {
      guard other.isWithin(path) else { return nil }
      return PathBytes(Array(other.bytes.dropFirst(path == "/" ? 1 : path.bytes.count + 1)))
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

  /// - Parameters:
  ///   - hiding: A directory that is not part of the context though it may lie in it: where the builder
  ///     itself keeps things. Absolute.
  ///   - name: For messages, when it is a named one.
  package init(
    directory: PathBytes, filter: PathFilter = PathFilter(), hiding builders: PathBytes? = nil,
    name: String? = nil
  ) throws {
    description = name.map { "the context \"\($0)\"" } ?? "the build context"
    self.directory = directory
    self.filter = filter
    root = try Root(directory)
    let place = try builders.map { try Root($0).path }
    hidden = place.flatMap { [root] in root.relative($0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Where `path` leads when links are followed, relative to the context; nil when nothing is there.
  func resolve(_ path: PathBytes) -> PathBytes? {
    if path.isEmpty { return path }
    guard
      let file = try? FileDescriptor.open(path, inRoot: root.descriptor, flags: O_PATH),
      let target = try? linkTarget(of: PathBytes("/proc/self/fd/\(file.number)"))
    else { return nil }
    return root.relative(target)
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
    let names = try sortedNames(in: try open(path, flags: O_RDONLY | O_DIRECTORY))
    guard let hidden, hidden.parent == path else { return names }
    return names.filter { $0 != hidden.name }
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
