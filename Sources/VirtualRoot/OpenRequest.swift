// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// What `open` was asked for. open(2).
struct OpenRequest {
  var directory: Int32
  var flags: Int32
  var mode: UInt32

  /// O_TMPFILE without the O_DIRECTORY that belongs to it.
  private static let temporary: Int32 = 0o20000000

  func has(_ flag: Int32) -> Bool { flags & flag != 0 }

  var wantsPath: Bool { has(O_PATH) }
  var isTemporary: Bool { has(Self.temporary) }
  var creates: Bool { has(O_CREAT) }
  var follows: Bool { !has(O_NOFOLLOW) && !(creates && has(O_EXCL)) }
  var access: Int32 { flags & O_ACCMODE }
  var wantsWrite: Bool { access != O_RDONLY || has(O_TRUNC) }
  var closeOnExec: Bool { has(O_CLOEXEC) }

  /// R_OK and W_OK.
  var mask: Int32 {
    switch access {
    case O_RDONLY: has(O_TRUNC) ? R_OK | W_OK : R_OK
    case O_WRONLY: W_OK
    default: R_OK | W_OK
    }
  }

  /// What opens a file that was found. No terminal becomes the supervisor's.
  var reopening: Int32 {
    flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW | O_PATH) | O_CLOEXEC | O_NOCTTY
  }

  /// Throws what the kernel says to flags that contradict each other.
  func check() throws(Errno) {
    if wantsPath { return }
    if isTemporary {
      guard has(O_DIRECTORY), !creates, access != O_RDONLY else { throw .invalidArgument }
    } else if creates && has(O_DIRECTORY) {
      throw .invalidArgument
    }
  }
}
