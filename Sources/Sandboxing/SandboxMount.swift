// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What a command sees at a place of its root instead of what the image has there. Nothing of it
/// is part of what the command changed, nor is a mount point that had to be made.
package struct SandboxMount: Hashable, Sendable, Codable {
  package enum Content: Hashable, Sendable, Codable {
    /// A directory, file or socket of the machine. In a virtual root its owners are those of the
    /// tree's records.
    case place(PathBytes)
    /// An empty directory with mode 1777.
    ///
    /// - Parameter sizeInBytes: The most it may hold; the virtual sandbox cannot keep to it.
    case temporary(sizeInBytes: Int64?)
    case file(File)
  }

  /// A file that lies in memory where that can be had.
  package struct File: Hashable, Sendable, Codable {
    package var content: [UInt8]
    package var uid: UInt32
    package var gid: UInt32
    package var permissions: UInt32

    package init(content: [UInt8], uid: UInt32, gid: UInt32, permissions: UInt32) {
      self.content = content
      self.uid = uid
      self.gid = gid
      self.permissions = permissions
    }
  }

  /// Without leading slash; links of the image on the way are followed within it.
  package var target: PathBytes
  package var content: Content
  package var isReadOnly: Bool

  package init(at target: PathBytes, _ content: Content, isReadOnly: Bool = false) {
    self.target = target
    self.content = content
    self.isReadOnly = isReadOnly
  }
}

/// What a command reaches of the network.
package enum SandboxNetwork: String, Hashable, Sendable, Codable {
  /// All that this process reaches.
  case host
  /// Itself: the loopback interface.
  case none
}
