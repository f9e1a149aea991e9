// SPDX-License-Identifier: Apache-2.0

/// What `--secret` gives to commands. It prints as `[redacted]`.
package struct BuildSecret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The value itself; for the command's mount only.
  package let revealed: [UInt8]

  package init(_ bytes: [UInt8]) { revealed = bytes }

  package static let mostBytes = 500 << 10

  package var description: String { "[redacted]" }
  package var debugDescription: String { "[redacted]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
