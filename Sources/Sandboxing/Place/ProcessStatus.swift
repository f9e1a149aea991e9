// SPDX-License-Identifier: Apache-2.0

/// What `/proc/self/status` says of who this process is (proc_pid_status(5)).
package struct ProcessStatus: Hashable, Sendable {
  package enum SeccompMode: Int, Hashable, Sendable {
    case off, strict, filter
  }

  /// Effective.
  package var uid: UInt32
  package var gid: UInt32
  package var groups: [UInt32]
  /// Masks, bit 0 is CAP_CHOWN.
  package var effective: UInt64
  package var permitted: UInt64
  package var bounding: UInt64
  package var hasNoNewPrivileges: Bool
  /// Nil where the kernel does not say.
  package var seccomp: SeccompMode?

  package init(
    uid: UInt32, gid: UInt32, groups: [UInt32] = [], effective: UInt64 = 0, permitted: UInt64 = 0,
    bounding: UInt64 = 0, hasNoNewPrivileges: Bool = false, seccomp: SeccompMode? = nil
  ) {
    self.uid = uid
    self.gid = gid
    self.groups = groups
    self.effective = effective
    self.permitted = permitted
    self.bounding = bounding
    self.hasNoNewPrivileges = hasNoNewPrivileges
    self.seccomp = seccomp
  }

  /// - Parameter text: The file; lines that are missing count as nothing.
  package init(parsing text: String) {
    var fields: [Substring: [Substring]] = [:]
    for line in text.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
        .split { $0 == " " || $0 == "\t" }
    }
    func number(_ name: Substring, at index: Int) -> UInt32 {
      guard let words = fields[name], words.indices.contains(index) else { return UInt32.max }
      return UInt32(words[index]) ?? UInt32.max
    }
    func mask(_ name: Substring) -> UInt64 {
      fields[name]?.first.flatMap { UInt64($0, radix: 16) } ?? 0
    }
    self.init(
      uid: number("Uid", at: 1), gid: number("Gid", at: 1),
      groups: (fields["Groups"] ?? []).compactMap { UInt32($0) }, effective: mask("CapEff"),
      permitted: mask("CapPrm"), bounding: mask("CapBnd"),
      hasNoNewPrivileges: fields["NoNewPrivs"]?.first == "1",
      seccomp: fields["Seccomp"]?.first.flatMap { Int($0) }.flatMap(SeccompMode.init))
  }
}
