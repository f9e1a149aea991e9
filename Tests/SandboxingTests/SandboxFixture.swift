// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import RecordedFiles
import Testing

@testable import Sandboxing

/// Both ways to run a command; what a command can tell of them is the same.
enum SandboxKind: CaseIterable {
  case namespaces, virtual
}

/// A base tree made of busybox, an upper and a work directory, removed with the value. In a virtual
/// sandbox the base is what the command changes.
final class SandboxFixture: Sendable {
  let kind: SandboxKind
  let directory: PathBytes
  let base: PathBytes

  init(_ kind: SandboxKind = .namespaces, withBusybox: Bool = true) throws {
    self.kind = kind
    directory = PathBytes("/tmp/caisson-sandbox-\(UInt64.random(in: 0...UInt64.max))")
    base = directory.appending("base")
    for name in ["base", "base/bin", "base/etc", "upper", "work"] {
      try makeDirectories(directory.appending(name), mode: 0o755)
    }
    if withBusybox { try installBusybox() }
    if kind == .virtual { try FileRecords(creating: tree.records).synchronize() }
  }

  deinit { try? removeTree(directory) }

  /// Where what this suite needs is: root and busybox.
  static var isPossible: Bool { geteuid() == 0 && exists(busybox) }
  static let busybox: PathBytes = "/bin/busybox"

  static let applets = [
    "cat", "chmod", "chown", "echo", "env", "false", "grep", "head", "hostname", "id", "kill", "ln",
    "ls", "mkdir", "mkfifo", "mknod", "mount", "mv", "od", "ps", "pwd", "readlink", "rm", "rmdir",
    "script", "setsid",
    "sh",
    "sleep", "stat", "touch", "true", "tty", "umask", "wc",
  ]

  private func installBusybox() throws {
    try copy(Self.busybox, to: base.appending("bin/busybox"), mode: 0o755)
    for applet in Self.applets { try link(base.appending("bin").appending(applet), to: "busybox") }
  }

  var upper: PathBytes { directory.appending("upper") }

  func root(over lower: [PathBytes]? = nil) -> OverlayRoot {
    OverlayRoot(lower: lower ?? [base], upper: upper, work: directory.appending("work"))
  }

  var tree: VirtualTree {
    VirtualTree(directory: base, records: directory.appending("records"))
  }
  var touched: PathBytes { directory.appending("touched") }

  func sandbox(gracePeriodInMilliseconds: Int32 = 10_000) throws -> NamespaceSandbox {
    NamespaceSandbox(
      programPath: try testProgram(), scratch: directory.appending("scratch"),
      gracePeriodInMilliseconds: gracePeriodInMilliseconds)
  }

  func run(
    _ command: SandboxedCommand, over lower: [PathBytes]? = nil,
    gracePeriodInMilliseconds: Int32 = 10_000, output: Int32
  ) async throws -> ProcessEnd {
    switch kind {
    case .namespaces:
      try await sandbox(gracePeriodInMilliseconds: gracePeriodInMilliseconds).run(
        command, in: root(over: lower), standardOutput: output, standardError: output)
    case .virtual:
      try await VirtualSandbox(
        programPath: try testProgram(), scratch: directory.appending("scratch"),
        gracePeriodInMilliseconds: gracePeriodInMilliseconds
      ).run(
        command, in: tree, touched: touched, standardOutput: output, standardError: output)
    }
  }

  /// Runs a shell line as root, or what `change` makes of it.
  func run(
    _ line: String, over lower: [PathBytes]? = nil,
    change: (inout SandboxedCommand) -> Void = { _ in }
  ) async throws -> (end: ProcessEnd, output: String) {
    var command = SandboxedCommand(.arguments(["sh", "-c", line]), environment: ["PATH=/bin"])
    change(&command)
    let output = try memoryFile([])
    let end = try await run(command, over: lower, output: output.number)
    try output.seek(to: 0)
    return (end, String(decoding: try contents(of: output), as: UTF8.self))
  }

  /// The names below the upper directory, each with a sign for what it is; of a virtual sandbox the
  /// paths that were touched.
  func changes() throws -> [String] {
    switch kind {
    case .namespaces: try changes(in: upper, prefix: "")
    case .virtual:
      exists(touched) ? try TouchedPaths.read(from: touched).sorted.map(\.path.description) : []
    }
  }

  private func changes(in directory: PathBytes, prefix: String) throws -> [String] {
    var found: [String] = []
    for name in try names(inDirectory: directory) {
      let path = directory.appending(name)
      let status = try FileStatus(of: path)
      switch status.kind {
      case .directory:
        found.append("\(prefix)\(name)/")
        found += try changes(in: path, prefix: "\(prefix)\(name)/")
      case .characterDevice where status.deviceMajor == 0 && status.deviceMinor == 0:
        found.append("\(prefix)\(name) removed")
      default: found.append("\(prefix)\(name)")
      }
    }
    return found
  }
}

/// The program whose `main` begins with the sandbox's entry; it lies beside the tests.
func testProgram() throws -> PathBytes {
  try linkTarget(of: "/proc/self/exe").parent.appending("SandboxTestProgram")
}

func link(_ path: PathBytes, to target: String) throws {
  try retrying("symlink", path) { path.withCString { symlink(target, $0) } }
}

func write(_ text: String, to path: PathBytes, mode: mode_t = 0o644) throws {
  let file = try FileDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
  try file.writeAll(Array(text.utf8))
}

func copy(_ source: PathBytes, to target: PathBytes, mode: mode_t) throws {
  let file = try FileDescriptor.open(target, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
  try file.writeAll(try contents(of: source, limit: 64 << 20))
}

/// The arguments of every process of the machine.
func allCommandLines() throws -> [String] {
  try names(inDirectory: "/proc").compactMap { name in
    guard name.bytes.allSatisfy({ (0x30...0x39).contains($0) }),
      let line = try? contents(of: PathBytes("/proc").appending(name).appending("cmdline"))
    else { return nil }
    return String(decoding: line.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
  }
}
