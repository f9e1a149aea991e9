// SPDX-License-Identifier: Apache-2.0

import CBzip2

/// libbz2's decompression; checks each block's and each stream's CRC.
final class Bzip2Decoder {
  private let state = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)
  private(set) var isMidStream = false

  init() { state.initialize(to: bz_stream()) }

  deinit {
    BZ2_bzDecompressEnd(state)
    state.deallocate()
  }

  func decode(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws
    -> (consumed: Int, produced: Int)
  {
    if !isMidStream {
      if piece.allSatisfy({ $0 == 0 }) { return (piece.count, 0) }
      try restart()
    }
    let (given, room) = (UInt32(clamping: piece.count), UInt32(clamping: output.count))
    state.pointee.next_in = UnsafeMutablePointer(
      mutating: piece.baseAddress?.assumingMemoryBound(to: CChar.self))
    state.pointee.avail_in = given
    state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    state.pointee.avail_out = room
    let status = BZ2_bzDecompress(state)
    guard status == BZ_OK || status == BZ_STREAM_END else {
      throw LayerError.malformedCompression("bzip2 data is damaged (\(status))")
    }
    if status == BZ_STREAM_END { isMidStream = false }
    return (Int(given - state.pointee.avail_in), Int(room - state.pointee.avail_out))
  }

  private func restart() throws {
    BZ2_bzDecompressEnd(state)
    state.pointee = bz_stream()
    guard BZ2_bzDecompressInit(state, 0, 0) == BZ_OK else {
      throw LayerError.malformedCompression("libbz2 is out of memory")
    }
    isMidStream = true
  }
}
