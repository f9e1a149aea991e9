// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// What the sandbox gets to see of a file of `/proc`.
enum ProcessFileView: Equatable {
  /// What the kernel has.
  case real
  /// Which processes there are.
  case processes
  case status
  case limits
  case hostname
  /// Text with paths of the machine in it.
  case mappings
  case mounts(MountText.Format)
  /// Nothing, as container runtimes cover it.
  case empty
  case emptyDirectory
  /// No such file.
  case absent
}

extension ProcessFile {
  var view: ProcessFileView {
    guard process != nil else { return machineView }
    switch name {
    case "status": return .status
    case "limits": return .limits
    case "maps", "smaps", "numa_maps": return .mappings
    case "mounts": return .mounts(.table)
    case "mountinfo": return .mounts(.details)
    case "mountstats": return .mounts(.statistics)
    // It tells the arguments of a call that waits: the cookie, for one that we make in its name.
    case "syscall": return .empty
    default: return .real
    }
  }

  /// What runc and containerd cover ("masked paths").
  private var machineView: ProcessFileView {
    if name.isEmpty { return .processes }
    switch name {
    case "sys/kernel/hostname": return .hostname
    case "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "timer_list",
      "timer_stats":
      return .empty
    case "acpi", "asound", "scsi": return .emptyDirectory
    default: return Self.isBelow(["acpi", "asound", "scsi"], name) ? .absent : .real
    }
  }

  /// Whether only who may trace a process may open it. proc(5), "ptrace access mode".
  var isPrivate: Bool {
    guard process != nil else { return false }
    switch name {
    case "environ", "auxv", "mem", "maps", "smaps", "smaps_rollup", "numa_maps", "pagemap",
      "syscall", "stack", "personality", "io", "timers", "map_files", "fd", "cwd", "root", "exe":
      return true
    default: return Self.isBelow(["fd", "ns", "map_files"], name)
    }
  }

  /// Why it may not be written; nil when it may, as far as this goes.
  var writeError: Errno? {
    guard process != nil else {
      let readOnly: [Substring] = ["bus", "fs", "irq", "sys", "sysrq-trigger"]
      return readOnly.contains(name) || Self.isBelow(readOnly, name) ? .readOnly : .accessDenied
    }
    switch name {
    case "comm", "oom_score_adj", "oom_adj", "loginuid", "coredump_filter", "clear_refs",
      "timerslack_ns", "autogroup", "sched", "mem":
      return nil
    case "uid_map", "gid_map", "projid_map", "setgroups": return .notPermitted
    default: return Self.isBelow(["attr"], name) ? nil : .accessDenied
    }
  }

  private static func isBelow(_ directories: [Substring], _ name: Substring) -> Bool {
    guard let slash = name.firstIndex(of: "/") else { return false }
    return directories.contains(name[..<slash])
  }
}
