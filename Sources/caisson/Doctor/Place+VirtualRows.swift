// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Sandboxing

extension Place {
  var virtualRows: [PlaceRow] {
    let listener = virtual.listener
    let tracing = virtual.tracing
    return [
      PlaceRow("virtual.listener", "seccomp listener", listener.installs),
      PlaceRow("virtual.answer", "answer a call", listener.answers),
      PlaceRow("virtual.continue", "let a call go on", listener.continues),
      PlaceRow("virtual.addDescriptor", "hand over files", listener.adds),
      PlaceRow("virtual.addAndSend", "same, as an answer", listener.addsAndSends),
      optional(
        "virtual.waitKillable", "undisturbed answers", listener.waitsKillable,
        lacking: "signals may interrupt calls (before Linux 5.19)"),
      optional(
        "virtual.synchronousWakeUp", "quick hand-over", listener.wakesSynchronously,
        lacking: "calls take longer (before Linux 6.6)"),
      yamaRow, PlaceRow("virtual.subreaper", "adopt orphans", tracing.adopts),
      PlaceRow("virtual.readMemory", "process_vm_readv", tracing.readsMemory),
      PlaceRow("virtual.memoryFile", "/proc/PID/mem", tracing.readsMemoryFile),
      PlaceRow("virtual.seize", "ptrace a grandchild", tracing.seizes),
      PlaceRow("virtual.registers", "set its registers", tracing.setsRegisters),
      PlaceRow("virtual.step", "single step", tracing.steps), limitRow,
      PlaceRow("virtual.openInRoot", "openat2 in a root", virtual.opensInRoot),
      executionRow,
      PlaceRow("virtual.mapExecutable", "libraries on work", virtual.work.mapsExecutable),
      PlaceRow("virtual.birthTimes", "times of birth", virtual.work.hasBirthTimes),
    ]
  }

  /// Something that only makes answers better.
  private func optional(_ id: String, _ name: String, _ trial: Trial, lacking: String) -> PlaceRow {
    guard virtual.listener.installs.isGood else { return PlaceRow(id, name, .notTried) }
    return PlaceRow(id, trial.isGood ? .ok : .limited, name, trial.isGood ? "works" : lacking)
  }

  private var yamaRow: PlaceRow {
    let scope = virtual.yamaScope
    let text =
      switch scope {
      case 0: "no restriction (ptrace_scope 0)"
      case 1: "descendants only (ptrace_scope 1), which is enough"
      case 2: "root only (ptrace_scope 2)"
      default: "nobody (ptrace_scope \(scope))"
      }
    return PlaceRow("virtual.yama", scope < 2 ? .ok : .no, "Yama", text)
  }

  private var limitRow: PlaceRow {
    guard virtual.tracing.setsLimits.isGood else {
      return PlaceRow("virtual.limits", "limits of others", virtual.tracing.setsLimits)
    }
    return virtual.tracing.hasInfiniteLockLimit
      ? PlaceRow("virtual.limits", .ok, "limits of others", "works")
      : PlaceRow(
        "virtual.limits", .no, "limits of others", "the hard limit of file locks is not unlimited")
  }

  private var executionRow: PlaceRow {
    let memory = virtual.executesMemory
    let file = virtual.work.executes
    let setting = memfdNoexec.map { ", vm.memfd_noexec \($0)" } ?? ""
    switch (memory.isGood, file.isGood) {
    case (true, _):
      return PlaceRow("virtual.execute", .ok, "start a program", "from memory" + setting)
    case (false, true):
      return PlaceRow(
        "virtual.execute", .ok, "start a program", "from the work directory" + setting)
    case (false, false):
      return PlaceRow("virtual.execute", "start a program", memory)
    }
  }

  var capabilityRows: [PlaceRow] {
    CapabilityName.all.compactMap { capability in
      guard let buys = capability.buys else { return nil }
      let mask: UInt64 = 1 << UInt64(capability.bit)
      let (state, standing): (PlaceRow.State, String) =
        if status.effective & mask != 0 {
          (.ok, "")
        } else if status.permitted & mask != 0 {
          (.limited, "permitted, not in effect; ")
        } else if status.bounding & mask != 0 {
          (.no, "for set-user-ID programs only; ")
        } else {
          (.no, "")
        }
      return PlaceRow("capability.\(capability.name)", state, capability.name, standing + buys)
    }
  }

  var limitRows: [PlaceRow] {
    var rows = [
      PlaceRow(
        "limits.cgroup", .plain, "control groups",
        cgroup.version?.rawValue ?? "none mounted here"),
      PlaceRow("limits.memory", .plain, "memory", memoryText),
      PlaceRow(
        "limits.processors", .plain, "processors",
        cgroup.processors.map { "\(Double(Int($0 * 100)) / 100)" } ?? "no limit"),
      PlaceRow(
        "limits.processes", .plain, "processes", cgroup.processLimit.map(String.init) ?? "no limit"),
    ]
    for limit in limits {
      let (name, least): (String, UInt64) =
        switch limit.resource {
        case .openFiles: ("open files", 1024)
        case .processes: ("processes of user", 256)
        case .fileSize: ("file size", .max)
        case .locks: ("file locks", 0)
        }
      let isLow = (limit.soft ?? .max) < least
      rows.append(
        PlaceRow(
          "limits.\(limit.resource.rawValue)", isLow ? .limited : .plain, name,
          "\(text(limit.soft)), at most \(text(limit.hard))"))
    }
    return rows
  }

  private var memoryText: String {
    let used = cgroup.memoryUsedInBytes.map { ", \(sizeText($0)) in use" } ?? ""
    return (cgroup.memoryLimitInBytes.map(sizeText) ?? "no limit") + used
  }

  private func text(_ limit: UInt64?) -> String { limit.map(String.init) ?? "unlimited" }
}

extension PlaceDirectory {
  var row: PlaceRow {
    let name =
      switch purpose {
      case .work: "work"
      case .workspace, .cache, .temporary, .root: path.description
      case .home: "HOME"
      }
    var parts: [String] = []
    if purpose == .work || purpose == .home { parts.append(oneLine(path.description)) }
    if !exists, purpose != .work {
      return PlaceRow(
        "directory.\(purpose.rawValue)", .plain, name,
        (parts + ["not there"]).joined(separator: ", "))
    }
    if !exists { parts.append("would be made") }
    parts.append(writes.errno.map { "not writable: \(lowercasedFirst("\($0)"))" } ?? "writable")
    parts.append(([type] + flags).filter { !$0.isEmpty }.joined(separator: " "))
    if let freeBytes { parts.append("\(sizeText(freeBytes)) free") }
    if let freeInodes { parts.append("\(freeInodes) inodes") }
    return PlaceRow(
      "directory.\(purpose.rawValue)", writes.isGood ? .ok : purpose == .work ? .no : .plain, name,
      parts.joined(separator: ", "))
  }
}
