// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// `/dev`: a tmpfs with the devices that the runtime specification names ("Default Devices").
///
/// It is `nodev`, as the root is: root in the sandbox may make device nodes, for its image, but not
/// open them and so reach the host's disks. The devices that work are mounts of their own.
struct DeviceMounts: ~Copyable {
  private let root: Int32
  private let own: Int32
  private let sharedMemorySizeInBytes: Int64

  /// - Parameter own: A directory of ours where device nodes work, hidden from the sandbox.
  init(
    root: borrowing FileDescriptor, own: borrowing FileDescriptor, sharedMemorySizeInBytes: Int64?
  ) {
    self.root = root.number
    self.own = own.number
    self.sharedMemorySizeInBytes = sharedMemorySizeInBytes ?? 64 << 20
  }

  func mount() throws(SandboxError) {
    let place = try directory("dev", in: root)
    let flags = Int(MS_NOSUID) | Int(MS_NODEV)
    try FileSystemMount(type: "tmpfs", flags: flags, options: "mode=755,size=65536k")
      .mount(on: place, name: "/dev")
    let dev = try directory("dev", in: root)
    for device in Device.all { try show(device, in: dev) }
    for (name, target) in Device.links {
      let number = dev.number
      try kernel("symlink", name) { name.withCString { symlinkat(target, number, $0) } }
    }
    try mountTerminals(in: dev)
    try mountShared(in: dev)
  }

  private func show(_ device: Device, in dev: borrowing FileDescriptor) throws(SandboxError) {
    let path = PathBytes("/dev").appending(device.name)
    let source = try node(device)
    try makeFile(device.name, in: dev)
    try bind(source, on: try openPlace(device.name, in: dev), name: path)
  }

  /// A node of our own, whose mode and owner a command may change. In a user namespace there is
  /// none: the host's serves, and is safe from us.
  private func node(_ device: Device) throws(SandboxError) -> FileDescriptor {
    let number = caisson_makedev(device.major, device.minor)
    let own = own
    let made = device.name.withCString { mknodat(own, $0, S_IFCHR | 0o666, dev_t(number)) }
    guard made == 0 else { return try openPlace(PathBytes("/dev").appending(device.name)) }
    return try translating { () throws(SystemError) in
      try FileDescriptor.open(device.name, at: own, flags: O_PATH | O_NOFOLLOW)
    }
  }

  private func mountTerminals(in dev: borrowing FileDescriptor) throws(SandboxError) {
    try makeDirectory("pts", in: dev)
    let place = try openPlace("pts", in: dev)
    let flags = Int(MS_NOSUID) | Int(MS_NOEXEC)
    let options = "newinstance,ptmxmode=0666,mode=0620"
    do {
      try FileSystemMount(type: "devpts", flags: flags, options: options + ",gid=5")
        .mount(on: place, name: "/dev/pts")
    } catch {
      // Group 5 (tty) may be outside the IDs of a user namespace.
      try FileSystemMount(type: "devpts", flags: flags, options: options)
        .mount(on: place, name: "/dev/pts")
    }
  }

  private func mountShared(in dev: borrowing FileDescriptor) throws(SandboxError) {
    let flags = Int(MS_NOSUID) | Int(MS_NODEV) | Int(MS_NOEXEC)
    try makeDirectory("shm", in: dev)
    try FileSystemMount(
      type: "tmpfs", flags: flags, options: "mode=1777,size=\(sharedMemorySizeInBytes)"
    )
    .mount(on: try openPlace("shm", in: dev), name: "/dev/shm")
    try makeDirectory("mqueue", in: dev)
    // A kernel may be built without message queues.
    try? FileSystemMount(type: "mqueue", flags: flags)
      .mount(on: try openPlace("mqueue", in: dev), name: "/dev/mqueue")
  }
}

/// Opens the directory `name` of a root as it is now, mounts included; a link is refused.
func directory(_ name: PathBytes, in root: Int32) throws(SandboxError) -> FileDescriptor {
  do {
    return try FileDescriptor.open(name, at: root, flags: O_PATH | O_NOFOLLOW | O_DIRECTORY)
  } catch {
    throw SandboxError.mountPointBlocked(path: "/\(name)")
  }
}
