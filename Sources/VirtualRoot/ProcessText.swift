// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// Makes the text that the kernel has in a file of `/proc/PID` the one that the sandbox is to see.
/// proc(5).
enum ProcessText {
  /// Whose status it is.
  struct Subject {
    var credentials: Credentials
    var umask: UInt32
    /// A debugger of the sandbox, not the supervisor.
    var isTraced: Bool
  }

  static func status(_ text: [UInt8], of subject: Subject) -> [UInt8] {
    let values = values(of: subject)
    return replacingLines(of: text) { line in
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let name = String(decoding: line[..<colon], as: UTF8.self)
      return values[name].map { Array("\(name):\t\($0)".utf8) }
    }
  }

  private static func values(of subject: Subject) -> [String: String] {
    let own = subject.credentials
    var values = [
      "Umask": padded(String(subject.umask, radix: 8), to: 4),
      "Uid": list(own.uid, own.effectiveUID, own.savedUID, own.fileSystemUID),
      "Gid": list(own.gid, own.effectiveGID, own.savedGID, own.fileSystemGID),
      "Groups": own.groups.map(String.init).joined(separator: " ") + " ",
      "CapInh": mask(own.inheritable), "CapPrm": mask(own.permitted),
      "CapEff": mask(own.effective), "CapBnd": mask(own.bounding), "CapAmb": mask(own.ambient),
      "NoNewPrivs": own.hasNoNewPrivileges ? "1" : "0",
      // The filter that every container has.
      "Seccomp": "2", "Seccomp_filters": "1",
    ]
    if !subject.isTraced { values["TracerPid"] = "0" }
    return values
  }

  private static func list(_ ids: UInt32...) -> String {
    ids.map(String.init).joined(separator: "\t")
  }

  private static func mask(_ set: UInt64) -> String { padded(String(set, radix: 16), to: 16) }

  private static func padded(_ digits: String, to count: Int) -> String {
    String(repeating: "0", count: max(0, count - digits.count)) + digits
  }

  /// Hides the mark of a process, which is the soft limit of one line.
  static func limits(_ text: [UInt8]) -> [UInt8] {
    let name = Array("Max file locks ".utf8)
    let shown = Array(
      "Max file locks            unlimited            unlimited            locks     ".utf8)
    return replacingLines(of: text) { $0.starts(with: name) ? shown : nil }
  }

  /// A place of the machine and where the sandbox has it; without the latter it has no name.
  struct Renaming {
    var from: PathBytes
    var to: PathBytes?
  }

  /// Renames the path in each line of `maps`, `smaps` or `numa_maps`: it begins at the first slash.
  ///
  /// - Parameter renamings: The longest `from` first.
  static func mappings(_ text: [UInt8], _ renamings: [Renaming]) -> [UInt8] {
    replacingLines(of: text) { line in
      guard let slash = line.firstIndex(of: PathBytes.slash) else { return nil }
      let path = line[slash...]
      guard let renaming = renamings.first(where: { isWithin(path, $0.from) }) else { return nil }
      guard let to = renaming.to else { return Array(line[..<slash]) }
      let rest = path.dropFirst(renaming.from.bytes.count)
      let new = to == "/" && rest.first == PathBytes.slash ? [] : to.bytes
      return line[..<slash] + new + rest
    }
  }

  private static func isWithin(_ path: ArraySlice<UInt8>, _ directory: PathBytes) -> Bool {
    guard path.starts(with: directory.bytes) else { return false }
    guard let next = path.dropFirst(directory.bytes.count).first else { return true }
    return next == PathBytes.slash || next == UInt8(ascii: " ")
  }

  private static func replacingLines(
    of text: [UInt8], by replacement: (ArraySlice<UInt8>) -> [UInt8]?
  ) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 64)
    var rest = text[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: newline) ?? rest.endIndex
      let line = rest[..<end]
      if let new = replacement(line) { result += new } else { result += line }
      if end < rest.endIndex { result.append(newline) }
      rest = rest[min(end + 1, rest.endIndex)...]
    }
    return result
  }

  private static let newline = UInt8(ascii: "\n")
}
