// SPDX-License-Identifier: Apache-2.0

/// A credential. It prints as `[redacted]` wherever a value can be printed.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The value itself; only for the wire.
  package let revealed: String

  package init(_ value: String) { self.revealed = value }

  package var description: String { "[redacted]" }
  package var debugDescription: String { "[redacted]" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
