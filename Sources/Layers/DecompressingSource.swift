// SPDX-License-Identifier: Apache-2.0

import CISAL
import CZstd
import LinuxSystem
import OCI

/// A layer blob's content, whatever it is compressed with: gzip, zstd or nothing.
///
/// The kind is told by the first bytes, since media types lie. Several gzip members or zstd frames
/// one behind the other are one stream.
package struct DecompressingSource<Input: ByteSource & ~Copyable>: ByteSource, ~Copyable {
  private enum Decoder {
    case plain
    case gzip(GzipDecoder)
    case zstd(ZstdDecoder)
  }

  private var input: Input
  private let buffer = PieceBuffer(capacity: 256 << 10)
  private var available: Range<Int> = 0..<0
  private var isAtEnd = false
  /// Absent until the first bytes were seen.
  private var decoder: Decoder?

  package init(_ input: consuming Input) { self.input = input }

  package mutating func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let decoder = try self.decoder ?? recognise()
    self.decoder = decoder
    while true {
      if available.isEmpty && !isAtEnd { try refill() }
      let piece = buffer.bytes(available)
      let (consumed, produced) = try decode(piece, into: output, with: decoder)
      available = (available.lowerBound + consumed)..<available.upperBound
      if produced > 0 { return produced }
      if isAtEnd && consumed == 0 {
        try checkEnd(of: decoder)
        return 0
      }
    }
  }

  private mutating func refill() throws {
    let count = try input.read(into: buffer.whole)
    available = 0..<count
    isAtEnd = count == 0
  }

  private mutating func recognise() throws -> Decoder {
    while available.count < 6 && !isAtEnd {
      let more = try input.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer.whole[available.count...]))
      available = 0..<(available.count + more)
      isAtEnd = more == 0
    }
    let head = [UInt8](buffer.bytes(available).prefix(6))
    if head.starts(with: [0x1F, 0x8B]) { return .gzip(GzipDecoder()) }
    if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return .zstd(try ZstdDecoder()) }
    if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
      throw LayerError.unsupportedCompression("xz")
    }
    if head.starts(with: Array("BZh".utf8)) { throw LayerError.unsupportedCompression("bzip2") }
    return .plain
  }

  private func decode(
    _ piece: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
    with decoder: Decoder
  ) throws -> (consumed: Int, produced: Int) {
    switch decoder {
    case .gzip(let gzip): return try gzip.decode(piece, into: output)
    case .zstd(let zstd): return try zstd.decode(piece, into: output)
    case .plain:
      let count = min(piece.count, output.count)
      output.copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[..<count]))
      return (count, count)
    }
  }

  private func checkEnd(of decoder: Decoder) throws {
    let isMidStream =
      switch decoder {
      case .plain: false
      case .gzip(let gzip): gzip.isMidStream
      case .zstd(let zstd): zstd.isMidStream
      }
    if isMidStream { throw LayerError.malformedCompression("it ends too early") }
  }
}

/// igzip's inflate; checks each member's CRC and length.
private final class GzipDecoder {
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

private final class ZstdDecoder {
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
