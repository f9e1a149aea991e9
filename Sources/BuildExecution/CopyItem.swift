// SPDX-License-Identifier: Apache-2.0

import Layers
import LinuxSystem

/// One file that COPY or ADD puts into the image.
struct CopyItem {
  enum Content {
    /// Directories, links, devices.
    case none
    /// A path of a context, resolved.
    case context(PathBytes, BuildContext)
    /// A file of the store.
    case fetched(PathBytes)
    case bytes([UInt8])
    /// A file of another stage or image.
    case inode(FileTree.Inode)
    /// An entry of an archive, by its position.
    case archived(in: Archive, ordinal: Int)
  }

  /// A file that is unpacked.
  enum Archive: Hashable, Comparable {
    /// A path of the build context, resolved.
    case context(PathBytes)
    /// A file of the store.
    case fetched(PathBytes)
  }

  /// Its path is the place in the image, without links on the way.
  var entry: LayerEntry
  var content: Content
}

/// Which files are names of one inode, within one COPY.
struct LinkKey: Hashable {
  var device: UInt64
  var inode: UInt64
}
