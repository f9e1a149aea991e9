// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// One file of a layer, as its tar header describes it.
///
/// OCI image-spec v1.1, layer.md, "Layer Media Types" and "File attributes".
package struct LayerEntry: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// Its content follows the header.
    case regular
    case directory
    /// Points at the text given; nothing is resolved.
    case symbolicLink(PathBytes)
    /// Another name of an earlier entry; relative to the root, without leading slash.
    case hardLink(PathBytes)
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
  }

  /// Relative to the root, without leading or trailing slash; empty for the root itself.
  package var path: PathBytes
  package var kind: Kind
  /// Twelve bits: set-ids, sticky, permissions.
  package var permissions: UInt32
  package var uid: UInt32
  package var gid: UInt32
  /// Of a regular file; 0 for all else.
  package var sizeInBytes: Int64
  package var modified: FileTime
  /// In the order of their names.
  package var attributes: [ExtendedAttribute]

  package init(
    path: PathBytes, kind: Kind, permissions: UInt32, uid: UInt32 = 0, gid: UInt32 = 0,
    sizeInBytes: Int64 = 0, modified: FileTime = FileTime(seconds: 0),
    attributes: [ExtendedAttribute] = []
  ) {
    self.path = path
    self.kind = kind
    self.permissions = permissions
    self.uid = uid
    self.gid = gid
    self.sizeInBytes = sizeInBytes
    self.modified = modified
    self.attributes = attributes
  }

  package var isDirectory: Bool { kind == .directory }

  /// In bytes: the kernel's `PATH_MAX` counts a NUL as well.
  static let longestPath = 4095

  /// A directory nobody said anything of: 0755, root's.
  package static func implicitDirectory(_ path: PathBytes, modified: FileTime) -> LayerEntry {
    LayerEntry(path: path, kind: .directory, permissions: 0o755, modified: modified)
  }
}

/// The names by which a layer takes files of lower layers away.
///
/// OCI image-spec v1.1, layer.md, "Whiteouts".
package enum Whiteout: Hashable, Sendable {
  /// The path is gone.
  case file(PathBytes)
  /// What lower layers have in this directory is gone.
  case opaqueDirectory(PathBytes)

  package static let prefix: PathBytes = ".wh."
  package static let opaqueName: PathBytes = ".wh..wh..opq"

  /// - Returns: Nil when `path` is an ordinary one.
  /// - Throws: ``LayerError/forbiddenPath(_:)`` for a marker that names no file of its directory.
  package init?(entryPath path: PathBytes) throws(LayerError) {
    let name = path.name
    guard name.hasPrefix(Self.prefix) else { return nil }
    if name == Self.opaqueName {
      self = .opaqueDirectory(path.parent)
    } else {
      let hidden = PathBytes(Array(name.bytes.dropFirst(Self.prefix.bytes.count)))
      guard !hidden.isEmpty, hidden != ".", hidden != ".." else {
        throw LayerError.forbiddenPath(path)
      }
      self = .file(path.parent.appending(hidden))
    }
  }

  /// The path of the marker in a layer.
  package var entryPath: PathBytes {
    switch self {
    case .file(let path):
      path.parent.appending(PathBytes(Self.prefix.bytes + path.name.bytes))
    case .opaqueDirectory(let path): path.appending(Self.opaqueName)
    }
  }

  package var entry: LayerEntry {
    LayerEntry(path: entryPath, kind: .regular, permissions: 0)
  }
}
