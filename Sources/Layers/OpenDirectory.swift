// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A directory of the tree that is unpacked, kept open for the entries in it that follow.
///
/// Nothing may rename or replace it meanwhile.
final class OpenDirectory {
  let place: PathBytes
  let descriptor: FileDescriptor
  /// Of the files made here; nil before the first.
  private var owner: (uid: UInt32, gid: UInt32)?

  init(_ place: PathBytes, _ descriptor: consuming FileDescriptor) {
    self.place = place
    self.descriptor = descriptor
  }

  /// Makes a file to write to, readable for nobody else yet.
  ///
  /// - Throws: `EEXIST` when there is something of the name.
  func makeFile(_ name: PathBytes) throws(SystemError) -> FileDescriptor {
    try FileDescriptor.open(
      name, in: descriptor, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
  }

  /// Whose a new file is without being told, which the file system decides.
  ///
  /// - Parameter file: Made here just now.
  func ownerOfNewFiles(asOf file: borrowing FileDescriptor) throws(SystemError) -> (
    uid: UInt32, gid: UInt32
  ) {
    if let owner { return owner }
    let status = try file.status()
    owner = (status.uid, status.gid)
    return (status.uid, status.gid)
  }
}
