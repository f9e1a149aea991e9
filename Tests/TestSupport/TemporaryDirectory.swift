// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A directory that ends with the test.
package final class TemporaryDirectory: Sendable {
  package let path: PathBytes

  package init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    path = PathBytes(parent).appending(
      "caisson-tests-" + String(UInt64.random(in: 0...UInt64.max), radix: 36))
    try makeDirectory(path)
  }

  deinit { try? removeTree(path) }

  package func appending(_ name: String) -> PathBytes { path.appending(name) }

  /// Writes a file, and the directories above it.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) throws -> PathBytes {
    let file = path.appending(name)
    try makeDirectories(file.parent)
    try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(bytes)
    return file
  }

  @discardableResult
  package func write(_ name: String, _ text: String) throws -> PathBytes {
    try write(name, Array(text.utf8))
  }

  @discardableResult
  package func symbolicLink(_ name: String, to target: PathBytes) throws -> PathBytes {
    let link = path.appending(name)
    try retrying("symlink", link) {
      target.withCString { target in link.withCString { symlink(target, $0) } }
    }
    return link
  }
}
