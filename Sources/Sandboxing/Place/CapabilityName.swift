// SPDX-License-Identifier: Apache-2.0

/// A right of root by name (capabilities(7)), and what it would buy a build.
package struct CapabilityName: Hashable, Sendable {
  package var bit: Int
  /// As in a pod specification: without `CAP_`.
  package var name: String
  /// Nil where a build has no use for it.
  package var buys: String?

  /// Those of a mask as `/proc/self/status` has it; bits without a name show as numbers.
  package static func names(in mask: UInt64) -> [String] {
    (0..<64).filter { mask & (1 << UInt64($0)) != 0 }.map { bit in
      bit < all.count ? all[bit].name : "\(bit)"
    }
  }

  package static func isSet(_ name: String, in mask: UInt64) -> Bool {
    all.first { $0.name == name }.map { mask & (1 << UInt64($0.bit)) != 0 } ?? false
  }

  /// What a container runtime leaves to root when nothing is said.
  package static let runtimeDefaults: UInt64 = 0xA804_25FB

  /// In the order of their bits.
  package static let all: [CapabilityName] = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
    "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
    "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
  ].enumerated().map { bit, name in
    CapabilityName(bit: bit, name: name, buys: purchases[name])
  }

  /// The namespace sandbox hands them on to a RUN; the virtual one needs none of them.
  private static let purchases: [String: String] = [
    "SYS_ADMIN": "mounts and namespaces: RUN at native speed",
    "SETPCAP": "taking from a RUN in namespaces what it shall not have",
    "SETUID": "RUN as another USER, newuidmap; virtual plays users instead",
    "SETGID": "groups of a RUN, newgidmap; virtual plays groups instead",
    "CHOWN": "owners of files; virtual records them instead",
    "DAC_OVERRIDE": "files closed to their owner; virtual records modes instead",
    "FOWNER": "modes and times of foreign files; virtual records them instead",
    "FSETID": "set-ID bits that outlive a change; virtual records them instead",
    "MKNOD": "device nodes; virtual records them instead",
    "SETFCAP": "capabilities of files; virtual records them instead",
    "SYS_CHROOT": "chroot within a RUN",
    "KILL": "signals to other users' processes within a RUN",
    "NET_BIND_SERVICE": "ports below 1024 within a RUN",
    "NET_RAW": "ping within a RUN",
    "NET_ADMIN": "a network of its own for a RUN in namespaces",
    "AUDIT_WRITE": "audit records of sudo and su within a RUN",
    "SYS_NICE": "negative niceness within a RUN",
    "SYS_RESOURCE": "raising hard limits within a RUN",
  ]
}
