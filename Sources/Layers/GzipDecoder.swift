// SPDX-License-Identifier: Apache-2.0

import CISAL

/// igzip's inflate; checks each member's CRC and length.
final class GzipDecoder {
  private let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
  private(set) var isMidStream = false

  init() { restart() }

  deinit { state.deallocate() }

  private func restart() {
    isal_inflate_init(state)
    state.pointee.crc_flag = UInt32(ISAL_GZIP)
  }

  func decode(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws
    -> (consumed: Int, produced: Int)
  {
    if state.pointee.block_state == ISAL_BLOCK_FINISH { restart() }
    if !isMidStream, piece.allSatisfy({ $0 == 0 }) { return (piece.count, 0) }
    isMidStream = true
    state.pointee.next_in = UnsafeMutablePointer(
      mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
    state.pointee.avail_in = UInt32(piece.count)
    state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    state.pointee.avail_out = UInt32(clamping: output.count)
    let status = isal_inflate(state)
    guard status == ISAL_DECOMP_OK || status == ISAL_END_INPUT else {
      throw LayerError.malformedCompression("gzip data is damaged (\(status))")
    }
    if state.pointee.block_state == ISAL_BLOCK_FINISH { isMidStream = false }
    return (
      piece.count - Int(state.pointee.avail_in),
      Int(UInt32(clamping: output.count) - state.pointee.avail_out)
    )
  }
}
