// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// How overlayfs marks its directories: with `trusted.` attributes, or with `user.` ones where it
/// is mounted with `userxattr` (in a user namespace).
///
/// Linux, Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
package enum OverlayFormat: String, Hashable, Sendable {
  case trusted, user

  private var prefix: String { rawValue + ".overlay." }

  /// On a directory that hides what lower ones have.
  package var opaque: ExtendedAttribute {
    ExtendedAttribute(name: PathBytes(prefix + "opaque"), value: [UInt8(ascii: "y")])
  }

  /// Attributes of overlayfs's own: never in a layer, and never taken from one.
  package static func isReserved(_ name: PathBytes) -> Bool {
    name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.")
  }

  /// Whether `status` is that of a whiteout: a character device 0:0.
  package static func isWhiteout(_ status: FileStatus) -> Bool {
    status.kind == .characterDevice && status.deviceMajor == 0 && status.deviceMinor == 0
  }
}
