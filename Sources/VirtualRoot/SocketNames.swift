// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import Synchronization

/// The sockets that processes of the sandbox gave a name in the file system.
///
/// The kernel keeps the address that it was given, which is one of ours. It ends in a token that says
/// what the process had asked for.
final class SocketNames: Sendable {
  private struct Names {
    var asked: [PathBytes: PathBytes] = [:]
    var count = 0
  }
  private let names = Mutex(Names())
  private static let prefix: PathBytes = "/proc/self/fd/"

  /// A file name nobody has.
  func newToken() -> PathBytes {
    names.withLock { names in
      names.count += 1
      return PathBytes("socket-\(names.count)")
    }
  }

  func add(_ token: PathBytes, asked name: PathBytes) {
    names.withLock { $0.asked[token] = name }
  }

  var isEmpty: Bool { names.withLock { $0.asked.isEmpty } }

  /// What a process asked for when the kernel's address of the socket is `path`.
  func name(ofAddress path: PathBytes) -> PathBytes? {
    guard path.hasPrefix(Self.prefix) else { return nil }
    return names.withLock { $0.asked[path.name] }
  }
}
