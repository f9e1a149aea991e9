// SPDX-License-Identifier: Apache-2.0

import CLZMA

/// liblzma's decompression of xz; checks each block's checksum.
final class XZDecoder {
  /// What a hostile stream may make us allocate: the largest level of `xz` takes 65 MiB, dictionaries
  /// chosen by hand up to 1.5 GiB.
  private static let memoryLimitInBytes: UInt64 = 1 << 30

  private let state = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
  private(set) var isMidStream = false

  init() { state.initialize(to: lzma_stream()) }

  deinit {
    lzma_end(state)
    state.deallocate()
  }

  func decode(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws
    -> (consumed: Int, produced: Int)
  {
    if !isMidStream {
      // Zeros between streams are padding.
      if piece.allSatisfy({ $0 == 0 }) { return (piece.count, 0) }
      try check(lzma_stream_decoder(state, Self.memoryLimitInBytes, 0))
      isMidStream = true
    }
    state.pointee.next_in = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
    state.pointee.avail_in = piece.count
    state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    state.pointee.avail_out = output.count
    let status = lzma_code(state, LZMA_RUN)
    if status == LZMA_STREAM_END { isMidStream = false }
    // Without input and without output nothing can happen, which is no fault of the data.
    if status != LZMA_STREAM_END && status != LZMA_BUF_ERROR { try check(status) }
    return (piece.count - state.pointee.avail_in, output.count - state.pointee.avail_out)
  }

  private func check(_ status: lzma_ret) throws {
    switch status {
    case LZMA_OK: return
    case LZMA_MEMLIMIT_ERROR:
      throw LayerError.malformedCompression(
        "xz: it needs more than \(Self.memoryLimitInBytes >> 20) MiB of memory")
    case LZMA_MEM_ERROR: throw LayerError.malformedCompression("xz: there is not enough memory")
    case LZMA_FORMAT_ERROR:
      throw LayerError.malformedCompression("xz: what follows is no xz stream")
    case LZMA_OPTIONS_ERROR: throw LayerError.malformedCompression("xz: its filters are not known")
    default:
      throw LayerError.malformedCompression("xz data is damaged (\(status.rawValue))")
    }
  }
}
