// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// `/proc` and `/sys`, with what reaches beyond the sandbox covered or read-only, as runc has it.
struct KernelMounts {
  private let root: Int32

  init(root: borrowing FileDescriptor) { self.root = root.number }

  func mount() throws(SandboxError) {
    let flags = Int(MS_NOSUID) | Int(MS_NODEV) | Int(MS_NOEXEC)
    let proc = try directory("proc", in: root)
    try FileSystemMount(type: "proc", flags: flags).mount(on: proc, name: "/proc")
    try mountSys(flags: flags)
    for path in Self.readOnly { try protect(path) }
    for path in Self.covered { try cover(path) }
  }

  /// A new instance takes rights over the network namespace, which is the host's; where they are
  /// missing the host's tree is shown, and where that is refused `/sys` stays empty.
  private func mountSys(flags: Int) throws(SandboxError) {
    let sys = try directory("sys", in: root)
    do {
      try FileSystemMount(type: "sysfs", flags: flags | Int(MS_RDONLY)).mount(on: sys, name: "/sys")
      return
    } catch {
      guard let host = try? openPlace("/sys"),
        (try? bind(host, on: sys, name: "/sys", recursively: true)) != nil
      else { return }
    }
    try makeReadOnly(mounted: try directory("sys", in: root), name: "/sys")
  }

  private static let readOnly: [PathBytes] = [
    "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
  ]

  private static let covered: [PathBytes] = [
    "proc/acpi", "proc/asound", "proc/interrupts", "proc/kcore", "proc/keys",
    "proc/latency_stats", "proc/sched_debug", "proc/scsi", "proc/timer_list", "proc/timer_stats",
    "sys/devices/virtual/powercap", "sys/firmware",
  ]

  private func protect(_ path: PathBytes) throws(SandboxError) {
    guard let place = existing(path) else { return }
    try bind(place, on: place, name: path, recursively: true)
    try makeReadOnly(mounted: try directoryOrFile(path), name: path)
  }

  private func cover(_ path: PathBytes) throws(SandboxError) {
    guard let place = existing(path) else { return }
    if try translating({ () throws(SystemError) in try place.status() }).kind == .directory {
      try FileSystemMount(type: "tmpfs", flags: Int(MS_RDONLY), options: "size=0")
        .mount(on: place, name: path)
    } else {
      try bind(try directoryOrFile("dev/null"), on: place, name: path)
    }
  }

  /// What a kernel does not have needs no cover.
  private func existing(_ path: PathBytes) -> FileDescriptor? {
    try? FileDescriptor.open(path, at: root, flags: O_PATH | O_NOFOLLOW)
  }

  private func directoryOrFile(_ path: PathBytes) throws(SandboxError) -> FileDescriptor {
    try translating { () throws(SystemError) in
      try FileDescriptor.open(path, at: root, flags: O_PATH | O_NOFOLLOW)
    }
  }
}
