// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

extension Receiver {
  /// Opens what the sandbox sees in place of a file of `/proc`.
  ///
  /// - Parameters:
  ///   - node: The real file.
  ///   - path: Of the real file within `/proc`, without leading slash, as ``Walker/processPath``.
  ///   - flags: As the caller gave them.
  /// - Returns: A descriptor for the caller of this to close, or nil when the real file is to be
  ///   opened.
  func openProcessFile(
    _ call: Call, _ node: borrowing Node, path: PathBuffer, flags: Int32, _ state: ProcessState
  ) throws(Errno) -> Int32? {
    nil
  }

  /// Writes what the link `path` of `/proc` says to the sandbox into `text`.
  ///
  /// - Returns: False when it says what the kernel says.
  func processLinkText(_ call: Call, path: PathBuffer, into text: PathBuffer) throws(Errno) -> Bool
  {
    false
  }

  /// Whom a file of `/proc` seems to belong to: the virtual user of its process, as in proc(5).
  ///
  /// - Returns: Nil when `path` tells of the machine, whose files are root's.
  func visibleOwner(ofProcessFile path: PathBuffer) -> (uid: UInt32, gid: UInt32)? {
    guard let process = ProcessFile(path).process,
      let credentials = world.states.state(of: process)?.credentials
    else { return nil }
    return (credentials.effectiveUID, credentials.effectiveGID)
  }
}
