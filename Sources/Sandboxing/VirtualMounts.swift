// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import VirtualRoot

/// What stands in a virtual root besides its tree: `/proc`, `/sys`, `/dev` and the resolver files,
/// with the names that ``DeviceMounts`` and ``KernelMounts`` give a root of their own.
struct VirtualMounts {
  private let description: VirtualDescription
  private var scratch: PathBytes { description.scratch }
  private var devices: PathBytes { scratch.appending("dev") }

  init(_ description: VirtualDescription) { self.description = description }

  /// Makes in the scratch directory what is shown from there; modes depend on no umask, as there is none.
  func make() throws(SandboxError) -> [VirtualRoot.Mount] {
    do {
      let records = try FileRecords(opening: description.records)
      let mounts = try translating { () throws(SystemError) in try makeMounts(records) }
      try records.synchronize()
      return mounts
    } catch let error as FileRecordsError {
      throw SandboxError(error)
    } catch let error as SandboxError {
      throw error
    } catch {
      throw SandboxError.recordsDamaged(path: description.records.description, reason: "\(error)")
    }
  }

  private func makeMounts(_ records: FileRecords) throws(SystemError) -> [VirtualRoot.Mount] {
    try makeDevices(records)
    var mounts = [
      VirtualRoot.Mount(at: "dev", .recorded(devices)), .init(at: "proc", .processes),
    ]
    if exists(Self.terminals) { mounts.append(.init(at: "dev/pts", .system(Self.terminals))) }
    if exists("/sys") { mounts.append(.init(at: "sys", .system("/sys"), isReadOnly: true)) }
    for (name, content) in description.resolverFiles.entries {
      let path = scratch.appending(name)
      try makeFile(path, content, mode: 0o644)
      mounts.append(.init(at: PathBytes("etc").appending(name), .recorded(path)))
    }
    for (number, mount) in description.command.mounts.enumerated() {
      mounts.append(
        .init(
          at: mount.target, .recorded(try place(of: mount, number, records)),
          isReadOnly: mount.isReadOnly))
    }
    return mounts
  }

  private func place(of mount: SandboxMount, _ number: Int, _ records: FileRecords)
    throws(SystemError) -> PathBytes
  {
    let path = scratch.appending("mount-\(number)")
    switch mount.content {
    case .place(let place): return place
    case .temporary:
      try makeDirectory(path, mode: 0o1777)
      try retrying("chmod", path) { path.withCString { chmod($0, 0o1777) } }
    case .file(let file):
      try makeFile(path, file.content, mode: 0o600)
      records.set(
        FileRecord(uid: file.uid, gid: file.gid, mode: UInt32(S_IFREG) | file.permissions),
        for: try FileKey(of: path, at: AT_FDCWD))
    }
    return path
  }

  private static let terminals: PathBytes = "/dev/pts"

  private static var makesTerminals: Bool {
    terminals.appending("ptmx").withCString { access($0, R_OK | W_OK) } == 0
  }

  private func makeDevices(_ records: FileRecords) throws(SystemError) {
    try makeDirectory(devices, mode: 0o755)
    let own = Self.makesTerminals ? [] : [Device.terminals]
    for device in Device.all + own {
      let path = devices.appending(device.name)
      try makeFile(path, [], mode: 0o666)
      records.set(
        FileRecord(
          mode: UInt32(S_IFCHR) | 0o666, deviceMajor: device.major, deviceMinor: device.minor),
        for: try FileKey(of: path, at: AT_FDCWD))
    }
    try makeDirectory(devices.appending("pts"), mode: 0o755)
    for name in ["shm", "mqueue"] {
      let path = devices.appending(name)
      try makeDirectory(path, mode: 0o777)
      try retrying("chmod", path) { path.withCString { chmod($0, 0o1777) } }
    }
    for (name, target) in Device.links where !own.contains(where: { $0.name == name }) {
      let path = devices.appending(name)
      try retrying("symlink", path) { path.withCString { symlink(target, $0) } }
    }
    guard case .script(let text) = description.command.program else { return }
    let script = scratch.appending(PathBytes(String(Script.path.dropFirst())))
    try makeDirectory(script.parent, mode: 0o755)
    try makeFile(script, Array(text.utf8), mode: 0o755)
  }

  private func makeFile(_ path: PathBytes, _ content: [UInt8], mode: mode_t) throws(SystemError) {
    let file = try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.writeAll(content)
  }
}
