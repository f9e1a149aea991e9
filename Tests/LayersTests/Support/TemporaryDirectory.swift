// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

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

  @discardableResult
  func write(_ name: String, _ text: String) throws -> PathBytes {
    let file = path.appending(name)
    try FileDescriptor.open(file, flags: O_WRONLY | O_CREAT | O_TRUNC).writeAll(Array(text.utf8))
    return file
  }

  func symbolicLink(_ name: String, to target: PathBytes) throws -> PathBytes {
    let link = path.appending(name)
    try retrying("symlink", link) {
      target.withCString { target in link.withCString { symlink(target, $0) } }
    }
    return link
  }
}
