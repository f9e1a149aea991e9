// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A directory for one process's temporary files, removed with the value.
///
/// Its process holds it locked. What a killed process left is taken away by the next one that makes
/// a scratch directory at the same place.
final class ScratchDirectory: Sendable {
  let path: PathBytes
  private let lock: FileDescriptor

  init(in parent: PathBytes) throws {
    try makeDirectories(parent, mode: 0o700)
    // Nobody may look for abandoned directories between the making of ours and its lock.
    let gate = try openDirectory(parent)
    _ = try gate.lock(exclusive: true, wait: true)
    removeAbandoned(in: parent)
    path = parent.appending(String(UInt64.random(in: 0...UInt64.max), radix: 36))
    try makeDirectory(path, mode: 0o700)
    lock = try openDirectory(path)
    _ = try lock.lock(exclusive: true, wait: false)
  }

  deinit { try? removeTree(path) }
}

private func openDirectory(_ path: PathBytes) throws -> FileDescriptor {
  try FileDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
}

private func removeAbandoned(in parent: PathBytes) {
  for name in (try? names(inDirectory: parent)) ?? [] {
    let path = parent.appending(name)
    guard let owner = try? openDirectory(path),
      (try? owner.lock(exclusive: true, wait: false)) == true
    else { continue }
    try? removeTree(path)
  }
}
