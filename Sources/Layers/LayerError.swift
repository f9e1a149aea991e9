// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI

/// Why a layer could not be read, written or unpacked.
package enum LayerError: Error, Hashable, Sendable {
  /// The archive contradicts the tar format; `offset` counts bytes of the uncompressed stream.
  case malformedArchive(String, offset: Int64)
  case truncatedArchive(offset: Int64)
  case malformedCompression(String)
  /// A status of igzip's.
  case compressionFailed(status: Int32)
  /// An entry that would land outside the root, or whose name no file can have.
  case forbiddenPath(PathBytes)
  /// Longer than Linux takes, as a whole or in one of its names.
  case pathTooLong(PathBytes)
  /// An entry lies below this path, which is a file.
  case notADirectory(PathBytes)
  case missingHardLinkTarget(PathBytes, target: PathBytes)
  case diffIDMismatch(expected: Digest, actual: Digest)
  /// A file whose name layers reserve for whiteouts.
  case reservedName(PathBytes)
  /// The layer's list of entries names a file that the layer does not have.
  case missingFile(PathBytes)
  /// A file grew or shrank while it was read.
  case fileChanged(PathBytes)
  /// An id outside the user namespace's map.
  case unmappedOwner(PathBytes, uid: UInt32, gid: UInt32)
}

extension LayerError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .malformedArchive(let what, let offset):
      Diagnostic("the layer is not a valid tar archive: \(what), at byte \(offset)")
    case .truncatedArchive(let offset):
      Diagnostic("the layer ends in the middle of an entry, at byte \(offset)")
    case .malformedCompression(let what):
      Diagnostic("the layer cannot be decompressed: \(what)")
    case .compressionFailed(let status):
      Diagnostic("the layer cannot be compressed: igzip gave status \(status)")
    case .forbiddenPath(let path):
      Diagnostic("the layer has an entry that leaves the root: \"\(path)\"")
    case .pathTooLong(let path):
      Diagnostic(
        "the layer has a path that is too long: \"\(PathBytes(path.bytes.prefix(64)))...\"",
        notes: ["paths have at most 4095 bytes, each of their names 255"])
    case .notADirectory(let path):
      Diagnostic("the layer has an entry below \"\(path)\", which is not a directory")
    case .missingHardLinkTarget(let path, let target):
      Diagnostic("\"\(path)\" is a hard link to \"\(target)\", which is not there")
    case .diffIDMismatch(let expected, let actual):
      Diagnostic(
        "the layer's content is not what the image says",
        notes: ["diff ID expected \(expected)", "diff ID found    \(actual)"])
    case .reservedName(let path):
      Diagnostic(
        "\"\(path)\" has a name that layers reserve for removed files",
        help: "names that begin with \".wh.\" cannot be stored in an image")
    case .missingFile(let path):
      Diagnostic(
        "the layer lacks \"\(path)\", which its list of entries names",
        help: "remove the store's \"index\" directory, and build again")
    case .fileChanged(let path):
      Diagnostic("\"\(path)\" changed while it was read", help: "build again when it is at rest")
    case .unmappedOwner(let path, let uid, let gid):
      Diagnostic(
        "\"\(path)\" belongs to \(uid):\(gid), which this user namespace has no room for",
        help: "give the user a larger range in /etc/subuid and /etc/subgid",
        exit: .surroundings)
    }
  }
}
