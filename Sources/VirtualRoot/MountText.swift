// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// The table of mounts that a process of the sandbox sees: that of a container. proc(5).
struct MountText {
  enum Format: Equatable {
    /// `mounts`, as fstab(5).
    case table
    /// `mountinfo`
    case details
    /// `mountstats`
    case statistics
  }

  struct Entry {
    /// Absolute, in the virtual root.
    var path: PathBytes
    var domain: Domain
    var isReadOnly: Bool
    var device: (major: UInt32, minor: UInt32)
  }

  /// The root first.
  var entries: [Entry]

  func text(_ format: Format) -> [UInt8] {
    entries.indices.flatMap { line(format, $0) + [UInt8(ascii: "\n")] }
  }

  private func line(_ format: Format, _ index: Int) -> [UInt8] {
    let entry = entries[index]
    let kind = kind(of: entry)
    let path = Self.escaped(entry.path)
    let access = entry.isReadOnly ? "ro" : "rw"
    let before: String
    let after: String
    switch format {
    case .table:
      before = "\(kind.source) "
      after = " \(kind.type) \(access),\(kind.options) 0 0"
    case .details:
      let device = "\(entry.device.major):\(entry.device.minor)"
      before = "\(firstNumber + index) \(parent(of: index)) \(device) / "
      after = " \(access),\(kind.options) - \(kind.type) \(kind.source) \(access)"
    case .statistics:
      before = "device \(kind.source) mounted on "
      after = " with fstype \(kind.type)"
    }
    return Array(before.utf8) + path + Array(after.utf8)
  }

  private struct Kind {
    var type: String
    var source: String
    var options: String
  }

  private func kind(of entry: Entry) -> Kind {
    let isOfKernel = entry.domain != .tree
    switch entry.path {
    case "/": return Kind(type: "overlay", source: "overlay", options: "relatime")
    case "/proc": return Kind(type: "proc", source: "proc", options: "nosuid,nodev,noexec,relatime")
    case "/sys":
      return Kind(type: "sysfs", source: "sysfs", options: "nosuid,nodev,noexec,relatime")
    case "/dev/pts" where isOfKernel:
      return Kind(type: "devpts", source: "devpts", options: "nosuid,noexec,relatime")
    case "/dev": return Kind(type: "tmpfs", source: "tmpfs", options: "nosuid")
    default: return Kind(type: "tmpfs", source: "tmpfs", options: "nosuid,nodev,relatime")
    }
  }

  private var firstNumber: Int { 100 }

  private func parent(of index: Int) -> Int {
    let path = entries[index].path
    let above = entries[..<index].lastIndex { $0.path != "/" && path.isWithin($0.path) }
    return index == 0 ? firstNumber - 1 : firstNumber + (above ?? 0)
  }

  /// As `seq_path` of the kernel does.
  private static func escaped(_ path: PathBytes) -> [UInt8] {
    path.bytes.flatMap { byte -> [UInt8] in
      switch byte {
      case 0x20, 0x09, 0x0A, 0x5C, 0x23:
        let digits = String(byte, radix: 8)
        return Array("\\\(String(repeating: "0", count: 3 - digits.count))\(digits)".utf8)
      default: return [byte]
      }
    }
  }
}
