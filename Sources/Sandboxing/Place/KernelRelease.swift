// SPDX-License-Identifier: Apache-2.0

/// A kernel's version as `uname -r` and `/proc/version` say it.
package struct KernelRelease: Hashable, Sendable {
  /// `6.1.0-28-amd64`.
  package var text: String
  package var major: Int
  package var minor: Int

  package init(_ text: String) {
    self.text = text
    let numbers = text.split(separator: ".", maxSplits: 2).map { part in
      Int(part.prefix { ("0"..."9").contains($0) }) ?? 0
    }
    major = numbers.first ?? 0
    minor = numbers.count > 1 ? numbers[1] : 0
  }

  package func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
    (self.major, self.minor) >= (major, minor)
  }

  /// The oldest kernel that has all the virtual sandbox needs: `SECCOMP_ADDFD_FLAG_SEND`.
  package static let virtualMinimum = (major: 5, minor: 14)
}

/// A kernel that is not the machine's own.
package enum GuestKernel: String, Hashable, Sendable {
  /// A kernel written for containers, in user space; it lacks much.
  case gVisor
  /// Linux in a virtual machine for the pod alone.
  case kata

  /// - Parameters:
  ///   - version: `/proc/version`.
  ///   - commandLine: `/proc/cmdline`.
  package static func recognized(version: String, commandLine: String, mounts: [Mount])
    -> GuestKernel?
  {
    // What gVisor has said since its first release, whatever it runs on.
    if version.contains("gVisor") || version.contains("#1 SMP Sun Jan 10 15:06:54 PST 2016") {
      return .gVisor
    }
    let isKata =
      commandLine.contains("kata") || commandLine.contains("agent.log=")
      || mounts.contains { $0.source.hasPrefix("kataShared") }
    return isKata ? .kata : nil
  }
}
