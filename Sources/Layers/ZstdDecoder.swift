// SPDX-License-Identifier: Apache-2.0

import CZstd

/// libzstd's streaming decompression; checks each frame's checksum where it has one.
final class ZstdDecoder {
  private let context: OpaquePointer
  private(set) var isMidStream = false

  init() throws {
    guard let context = ZSTD_createDCtx() else {
      throw LayerError.malformedCompression("libzstd is out of memory")
    }
    self.context = context
    // What a hostile frame may make us allocate: 128 MiB, zstd's own default for streams.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
  }

  deinit { ZSTD_freeDCtx(context) }

  func decode(_ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws
    -> (consumed: Int, produced: Int)
  {
    if piece.isEmpty && !isMidStream { return (0, 0) }
    var source = ZSTD_inBuffer(src: piece.baseAddress, size: piece.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let status = ZSTD_decompressStream(context, &target, &source)
    guard ZSTD_isError(status) == 0 else {
      throw LayerError.malformedCompression(
        "zstd: " + String(cString: ZSTD_getErrorName(status)))
    }
    isMidStream = status != 0
    return (source.pos, target.pos)
  }
}
