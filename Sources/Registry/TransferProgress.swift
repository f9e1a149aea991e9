// SPDX-License-Identifier: Apache-2.0

import OCI

/// How far one blob is; told on a thread that must not be held up.
package struct TransferProgress: Hashable, Sendable {
  package enum Direction: Hashable, Sendable {
    case download, upload
  }

  package var descriptor: Descriptor
  /// Falls back when a transfer has to begin again.
  package var bytesSoFar: Int64
  package var direction: Direction
}

package typealias TransferObserver = @Sendable (TransferProgress) -> Void
