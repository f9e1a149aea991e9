// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A character device of `/dev` that every sandbox has, mode 0666. Documentation/admin-guide/devices.txt.
struct Device {
  var name: PathBytes
  var major: UInt32
  var minor: UInt32

  static let all = [
    Device(name: "null", major: 1, minor: 3), Device(name: "zero", major: 1, minor: 5),
    Device(name: "full", major: 1, minor: 7), Device(name: "random", major: 1, minor: 8),
    Device(name: "urandom", major: 1, minor: 9), Device(name: "tty", major: 5, minor: 0),
  ]

  /// What new terminals come from, where `/dev/pts` is the machine's and lets nobody make them there.
  static let terminals = Device(name: "ptmx", major: 5, minor: 2)

  /// The links beside them.
  static let links: KeyValuePairs<PathBytes, String> = [
    "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx", "core": "/proc/kcore",
  ]
}
