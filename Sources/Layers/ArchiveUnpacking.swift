// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// Unpacks a tar archive, compressed or not, into an empty directory.
///
/// Files belong to whoever unpacks: this is for build contexts, whose owners do not count. Nothing
/// is written outside the directory.
///
/// - Parameter start: What was read of the file before.
package func unpackArchive(
  _ file: consuming FileDescriptor, startingWith start: [UInt8] = [], into directory: PathBytes
) throws {
  var reader = TarReader(DecompressingSource(FileSource(file, startingWith: start)))
  var unpacker = try LayerUnpacker(
    into: directory, over: FileTree(), lower: [], style: .plain(setsOwners: false))
  _ = try unpacker.unpack(&reader)
  try reader.finish()
}
