// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import LinuxSystem
import OCI

/// A directory that ends with the test.
final class TemporaryDirectory: Sendable {
  let path: PathBytes

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    path = PathBytes(parent).appending(
      "caisson-tests-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    try makeDirectory(path)
  }

  deinit { try? removeTree(path) }

  func appending(_ name: String) -> PathBytes { path.appending(name) }

  /// Writes a file, and the directories above it.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> PathBytes {
    let file = path.appending(name)
    try makeDirectories(file.parent)
    try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(bytes)
    return file
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> PathBytes {
    try write(name, Array(text.utf8))
  }

  func store(_ name: String = "store") throws -> ContentStore {
    try ContentStore(directory: path.appending(name))
  }
}

let workers = WorkerThreads(count: 4)
