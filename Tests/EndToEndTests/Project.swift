// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport

/// A temporary folder with a Dockerfile and its context, and room for what comes of it.
final class Project: Sendable {
  let surroundings: Surroundings
  private let folder: TemporaryFolder
  var path: String { folder.path }
  var context: String { path + "/context" }
  var store: String { path + "/store" }

  /// - Parameter files: Contents by name, below the context. `$BUSYBOX` in `dockerfile` is an
  ///   argument that ``build(_:)`` and ``execute(_:)`` give.
  init(
    _ surroundings: Surroundings, dockerfile: String?, files: [String: String] = [:]
  ) throws {
    self.surroundings = surroundings
    folder = try TemporaryFolder()
    try makeDirectories(PathBytes(context))
    if let dockerfile { try write(dockerfile, to: "Dockerfile") }
    for (name, content) in files { try write(content, to: name) }
  }

  func write(_ content: String, to name: String) throws {
    let file = PathBytes(context + "/" + name)
    try makeDirectories(file.parent)
    let descriptor = try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try descriptor.writeAll(Array(content.utf8))
  }

  /// `caisson build` with a store of its own, so that what it leaves there can be looked at.
  func build(_ options: String..., store: String? = nil) -> Command {
    surroundings.caisson(
      ["build", "--progress", "plain"] + surroundings.baseArguments + options + [context],
      store: store ?? self.store)
  }

  func execute(_ options: String..., store: String? = nil) -> Command {
    surroundings.caisson(
      ["executor", "--context", context, "--dockerfile", context + "/Dockerfile"]
        + surroundings.baseArguments + options,
      store: store ?? self.store)
  }

  /// What a build must not leave: mounts, processes, temporary files. Empty when all is well.
  func leftovers() throws -> [String] {
    let mounts = try text(of: "/proc/self/mountinfo").split(separator: "\n").filter {
      $0.contains(path)
    }
    let processes = try names(inDirectory: "/proc").filter { $0.bytes.allSatisfy { $0 < 58 } }
      .compactMap { try? text(of: "/proc/\($0)/cmdline") }.filter { $0.contains(path) }
    let temporary = (try? names(inDirectory: PathBytes(store + "/tmp"))) ?? []
    return mounts.map { "mount \($0)" } + processes.map { "process \($0)" }
      + temporary.map { "temporary file \($0)" }
  }
}
