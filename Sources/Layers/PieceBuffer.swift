// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A buffer with a fixed address, freed with its owner.
package final class PieceBuffer {
  package let whole: UnsafeMutableRawBufferPointer

  package init(capacity: Int) {
    whole = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
  }

  deinit { whole.deallocate() }

  package func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: whole[range])
  }

  package func hasSameBytes(as other: PieceBuffer, count: Int) -> Bool {
    guard let a = whole.baseAddress, let b = other.whole.baseAddress else { return count == 0 }
    return memcmp(a, b, count) == 0
  }
}
