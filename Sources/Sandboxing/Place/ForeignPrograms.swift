// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Which programs of other architectures the kernel starts here, through an emulator that was
/// registered with it.
///
/// Documentation/admin-guide/binfmt-misc.rst.
package struct ForeignPrograms: Hashable, Sendable {
  /// The names of the enabled entries, such as `qemu-aarch64`, that work in another root: the emulator
  /// was opened when it was registered (flag `F`).
  package var emulators: Set<String>
  /// Entries that are enabled, but look for their emulator in the root of the command.
  package var unfixed: Set<String>

  package init(emulators: Set<String> = [], unfixed: Set<String> = []) {
    self.emulators = emulators
    self.unfixed = unfixed
  }

  /// What is registered now.
  package static func current() -> ForeignPrograms {
    let directory: PathBytes = "/proc/sys/fs/binfmt_misc"
    var found = ForeignPrograms()
    for name in (try? names(inDirectory: directory)) ?? []
    where name != "register" && name != "status" {
      guard let bytes = try? contents(of: directory.appending(name), limit: 4096) else { continue }
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      guard lines.first == "enabled" else { continue }
      let flags = lines.first { $0.hasPrefix("flags:") } ?? ""
      if flags.dropFirst("flags:".count).contains("F") {
        found.emulators.insert(name.description)
      } else {
        found.unfixed.insert(name.description)
      }
    }
    return found
  }

  /// What is in the way of programs for `platform`; nil when nothing is.
  ///
  /// Variants are not looked at: a processor may have more than its platform's name says.
  package func obstacle(to platform: Platform, onHost host: Platform) -> String? {
    if platform.os != host.os { return "the kernel runs programs of \(host.os) only" }
    let architecture = platform.architecture
    if architecture == host.architecture { return nil }
    if Self.native[host.architecture]?.contains(architecture) == true { return nil }
    guard let name = Self.emulatorNames[architecture] else {
      return "no emulator is known for \(architecture)"
    }
    if emulators.contains(name) { return nil }
    if unfixed.contains(name) {
      return
        "the emulator \(name) is registered without the flag F, so it is looked for in the image"
    }
    return "the kernel has no emulator for it (\(name) in /proc/sys/fs/binfmt_misc)"
  }

  /// What a processor runs besides its own.
  private static let native: [String: Set<String>] = ["amd64": ["386"], "arm64": ["arm"]]

  private static let emulatorNames: [String: String] = [
    "386": "qemu-i386", "amd64": "qemu-x86_64", "arm": "qemu-arm", "arm64": "qemu-aarch64",
    "loong64": "qemu-loongarch64", "mips": "qemu-mips", "mips64": "qemu-mips64",
    "mips64le": "qemu-mips64el", "mipsle": "qemu-mipsel", "ppc64le": "qemu-ppc64le",
    "riscv64": "qemu-riscv64", "s390x": "qemu-s390x",
  ]
}
