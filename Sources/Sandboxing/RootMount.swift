// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Mounts a sandbox's root and all that belongs in it, in the mount namespace of this process.
struct RootMount {
  /// What the kernel's overlay accepts (OVL_MAX_STACK), less the skeleton and the stubs.
  static let mostLayers = 498
  /// The mount points that must be real directories.
  static let directories: [PathBytes] = ["dev", "proc", "sys"]

  private let description: SandboxDescription

  init(_ description: SandboxDescription) { self.description = description }

  /// - Returns: The new root, everything mounted; the process has yet to enter it.
  func mount() throws(SandboxError) -> FileDescriptor {
    guard description.lower.count <= Self.mostLayers else {
      throw SandboxError.tooManyLayers(description.lower.count)
    }
    try kernel("make mounts private") {
      Glibc.mount("none", "/", nil, UInt(MS_REC) | UInt(MS_PRIVATE), nil)
    }
    umask(0)
    let own = try mountOwnFiles()
    let root = try mountOverlay(stubs: own)
    // Before anything hides parts of the image, so that links in it lead to its own files.
    try bindResolverFiles(from: own, in: root)
    try DeviceMounts(
      root: root, own: own, sharedMemorySizeInBytes: description.command?.sharedMemorySizeInBytes
    ).mount()
    try KernelMounts(root: root).mount()
    for mount in description.command?.mounts ?? [] {
      try CommandMount(mount, root: root, own: own).mount()
    }
    return root
  }

  /// A tmpfs with the resolver files, the device nodes and the stubs. The overlay soon hides it, but what is bound
  /// from it stays, and all of it goes with the namespace.
  private func mountOwnFiles() throws(SandboxError) -> FileDescriptor {
    let place = try openPlace(description.mountPoint)
    try FileSystemMount(type: "tmpfs", flags: Int(MS_NOSUID), options: "mode=755")
      .mount(on: place, name: description.mountPoint)
    let own = try openPlace(description.mountPoint)
    for (name, content) in description.resolverFiles.entries {
      try makeFile(PathBytes(name), in: own, content: content)
    }
    return own
  }

  private func mountOverlay(stubs own: borrowing FileDescriptor) throws(SandboxError)
    -> FileDescriptor
  {
    var lower: [Int32] = []
    for path in description.lower + [description.skeleton] {
      lower.append(try openPlace(path).release())
    }
    let upper = try openPlace(description.upper)
    let work = try openPlace(description.work)
    let place = try openPlace(description.mountPoint)
    let overlay = OverlayMount(usesUserAttributes: description.usesUserAttributes)

    // The image as it is, to learn which mount points it hides or lacks; a moment, read-only.
    try overlay.mount(lower: [upper.number] + lower, on: place, name: description.upper)
    let stubs = try StubTree(
      image: try openPlace(description.mountPoint), mounts: description.command?.mounts ?? []
    ).make(in: own)
    let mountPoint = description.mountPoint
    try kernel("umount", mountPoint) {
      mountPoint.withCString { umount2($0, Int32(MNT_DETACH)) }
    }

    if let stubs { lower.insert(stubs, at: 0) }
    try overlay.mount(
      lower: lower, upper: upper.number, work: work.number, on: place, name: description.upper)
    return try openPlace(description.mountPoint)
  }

  private func bindResolverFiles(
    from own: borrowing FileDescriptor, in root: borrowing FileDescriptor
  ) throws(SandboxError) {
    for (name, _) in description.resolverFiles.entries {
      let path = PathBytes("etc").appending(name)
      let source = try openPlace(PathBytes(name), in: own)
      guard let target = regularFile(path, inRoot: root) else {
        throw SandboxError.mountPointBlocked(path: "/\(path)")
      }
      try bind(source, on: target, name: path)
    }
  }
}

/// The regular file that `path` leads to within `root`; nil when there is none.
func regularFile(_ path: PathBytes, inRoot root: borrowing FileDescriptor) -> FileDescriptor? {
  guard let file = try? FileDescriptor.open(path, inRoot: root, flags: O_PATH),
    (try? file.status().kind) == .regular
  else { return nil }
  return file
}
