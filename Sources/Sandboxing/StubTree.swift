// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Mount points that an image hides from the skeleton or puts a dangling link in place of.
///
/// They become a topmost lower directory. Every directory in it repeats the owner, mode, time and
/// attributes of the image's own, since the topmost one is what the overlay shows.
struct StubTree: ~Copyable {
  /// The image's root, without mounts.
  let image: FileDescriptor
  private let mounts: [SandboxMount]

  init(image: consuming FileDescriptor, mounts: [SandboxMount]) {
    self.image = image
    self.mounts = mounts
  }

  /// - Returns: A descriptor of a directory that the caller owns; nil when nothing is missing.
  func make(in parent: borrowing FileDescriptor) throws(SandboxError) -> Int32? {
    var missing: [(path: PathBytes, isDirectory: Bool)] = []
    for name in RootMount.directories where try isMissing(name) {
      missing.append((name, isDirectory: true))
    }
    for name in ResolverFiles.names {
      let path = PathBytes("etc").appending(name)
      if regularFile(path, inRoot: image) == nil {
        missing.append((try realDirectory("etc").appending(name), isDirectory: false))
      }
    }
    for (number, mount) in mounts.enumerated() where isOnImage(mount, number) {
      if let place = try missingPlace(of: mount) {
        missing.append((place, isDirectory: try isDirectory(mount)))
      }
    }
    if missing.isEmpty { return nil }

    try makeDirectory("stubs", in: parent)
    let stubs = try openPlace("stubs", in: parent)
    for (path, isDirectory) in missing { try add(path, isDirectory: isDirectory, to: stubs) }
    return stubs.release()
  }

  /// Not below one of the root's own mounts, nor another one of the command.
  private func isOnImage(_ mount: SandboxMount, _ number: Int) -> Bool {
    let others = RootMount.directories + mounts[..<number].map(\.target)
    return !others.contains { mount.target.isWithin($0) }
  }

  private func isDirectory(_ mount: SandboxMount) throws(SandboxError) -> Bool {
    switch mount.content {
    case .temporary: return true
    case .file: return false
    case .place(let path):
      let source = try openPlace(path)
      return try translating { () throws(SystemError) in try source.status() }.kind == .directory
    }
  }

  /// Where the image lacks a mount point, links on the way followed; nil when it is there.
  private func missingPlace(of mount: SandboxMount) throws(SandboxError) -> PathBytes? {
    var known = PathBytes("")
    var rest = mount.target.components[...]
    while let name = rest.first {
      let path = known.appending(name)
      guard let file = try? FileDescriptor.open(path, inRoot: image, flags: O_PATH) else {
        // A link that leads nowhere is not there for openat2, and no place for a mount.
        guard !exists(path) else {
          throw SandboxError.mountPointBlocked(path: "/\(mount.target)")
        }
        return PathBytes(joining: known.components + rest)
      }
      rest = rest.dropFirst()
      known = try realPath(of: file)
      if !rest.isEmpty, try !isDirectory(file) {
        throw SandboxError.mountPointBlocked(path: "/\(mount.target)")
      }
    }
    return nil
  }

  private func isDirectory(_ file: borrowing FileDescriptor) throws(SandboxError) -> Bool {
    try translating { () throws(SystemError) in try file.status() }.kind == .directory
  }

  /// Within the image.
  private func realPath(of file: borrowing FileDescriptor) throws(SandboxError) -> PathBytes {
    try translating { () throws(SystemError) in
      let root = try linkTarget(of: image.procPath)
      return PathBytes(try linkTarget(of: file.procPath).bytes.dropFirst(root.bytes.count))
        .normalizedInRoot
    }
  }

  /// - Throws: ``SandboxError/mountPointBlocked(path:)`` for anything but a directory.
  private func isMissing(_ name: PathBytes) throws(SandboxError) -> Bool {
    do {
      guard try FileStatus(of: name, at: image.number).kind == .directory else {
        throw SandboxError.mountPointBlocked(path: "/\(name)")
      }
      return false
    } catch let error as SandboxError {
      throw error
    } catch let error as SystemError where error.errno == .noSuchFile {
      return true
    } catch {
      throw SandboxError.mountPointBlocked(path: "/\(name)")
    }
  }

  /// Where the directory `name` of the image really is, links followed within it.
  private func realDirectory(_ name: PathBytes) throws(SandboxError) -> PathBytes {
    do {
      let directory = try FileDescriptor.open(name, inRoot: image, flags: O_PATH | O_DIRECTORY)
      return try realPath(of: directory)
    } catch let error as SystemError where error.errno == .noSuchFile && !exists(name) {
      return name
    } catch {
      throw SandboxError.mountPointBlocked(path: "/\(name)")
    }
  }

  private func exists(_ name: PathBytes) -> Bool {
    (try? FileStatus(of: name, at: image.number)) != nil
  }

  private func add(
    _ path: PathBytes, isDirectory: Bool, to stubs: borrowing FileDescriptor
  ) throws(SandboxError) {
    var directory = try translating { () throws(SystemError) in try stubs.duplicate() }
    var done = PathBytes("")
    for part in path.parent.components {
      done = done.appending(part)
      let number = directory.number
      if (try? FileStatus(of: part, at: number)) == nil { try makeDirectory(part, in: directory) }
      let next = try openPlace(part, in: directory)
      directory = next
    }
    if isDirectory {
      try makeDirectory(path.name, in: directory)
    } else {
      try makeFile(path.name, in: directory)
    }
    // From the inside out, as making the inner entries changed the times of the outer ones.
    var parent = path.parent
    while !parent.isEmpty {
      try copyAttributes(of: parent, to: stubs)
      parent = parent.parent
    }
  }

  /// What the image's directory `path` says of itself, if the image has it.
  private func copyAttributes(of path: PathBytes, to stubs: borrowing FileDescriptor)
    throws(SandboxError)
  {
    guard let status = try? FileStatus(of: path, at: image.number) else { return }
    let source = image.procPath.appending(path)
    let target = stubs.procPath.appending(path)
    try translating { () throws(SystemError) in
      for attribute in try extendedAttributes(of: source) {
        do throws(SystemError) {
          try setExtendedAttribute(attribute, on: target)
        } catch  where error.errno == .notSupported || error.errno == .notPermitted {
          // Such as SELinux labels in a user namespace: overlays do not copy those up either.
          continue
        }
      }
      try target.withCString { (target) throws(SystemError) in
        try retrying("chown") { lchown(target, status.uid, status.gid) }
        try retrying("chmod") { chmod(target, mode_t(status.permissions)) }
        let time = timespec(
          tv_sec: Int(status.modified.seconds), tv_nsec: Int(status.modified.nanoseconds))
        try retrying("utimensat") { utimensat(AT_FDCWD, target, [time, time], 0) }
      }
    }
  }
}
