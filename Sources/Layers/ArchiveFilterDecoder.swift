// SPDX-License-Identifier: Apache-2.0

import CArchive

/// libarchive's decompression of what only `ADD` meets: bzip2 and xz, checksums included.
///
/// Only the filter named is set up, so nothing is guessed and nothing is decompressed twice.
final class ArchiveFilterDecoder {
  enum Filter {
    case bzip2, xz
  }

  private let archive: OpaquePointer
  private let filter: Filter
  private var isOpen = false
  private var isAtEnd = false
  /// Set while ``read(into:from:)`` runs.
  fileprivate var nextPiece: (() throws -> UnsafeRawBufferPointer)?
  /// What ``nextPiece`` threw, which libarchive cannot carry.
  fileprivate var failure: (any Error)?

  init(_ filter: Filter) throws {
    guard let archive = archive_read_new() else {
      throw LayerError.malformedCompression("libarchive is out of memory")
    }
    self.archive = archive
    self.filter = filter
  }

  deinit { archive_read_free(archive) }

  /// Decompresses the next bytes; 0 only at the end.
  ///
  /// - Parameter nextPiece: Gives the next compressed bytes, valid until it is called again; empty
  ///   at their end.
  func read(
    into output: UnsafeMutableRawBufferPointer,
    from nextPiece: () throws -> UnsafeRawBufferPointer
  ) throws -> Int {
    if isAtEnd { return 0 }
    return try withoutActuallyEscaping(nextPiece) { nextPiece in
      self.nextPiece = nextPiece
      defer { self.nextPiece = nil }
      try open()
      let count = archive_read_data(archive, output.baseAddress, output.count)
      try check(Int32(clamping: min(count, 0)))
      isAtEnd = count == 0
      return count
    }
  }

  private func open() throws {
    if isOpen { return }
    isOpen = true
    try check(archive_read_append_filter(archive, code))
    try check(archive_read_support_format_raw(archive))
    try check(
      archive_read_open(archive, Unmanaged.passUnretained(self).toOpaque(), nil, readPiece, nil))
    // The raw format has one entry. A stream of no bytes has none and is an error: libarchive does
    // not tell it from one that is cut.
    var entry: OpaquePointer?
    try check(archive_read_next_header(archive, &entry))
  }

  private var code: Int32 {
    switch filter {
    case .bzip2: ARCHIVE_FILTER_BZIP2
    case .xz: ARCHIVE_FILTER_XZ
    }
  }

  private func check(_ status: Int32) throws {
    if status == ARCHIVE_OK { return }
    if let failure { throw failure }
    let text = archive_error_string(archive).map { String(cString: $0) } ?? "status \(status)"
    throw LayerError.malformedCompression("\(filter) data is damaged (\(text))")
  }
}

private func readPiece(
  _: OpaquePointer?, _ context: UnsafeMutableRawPointer?,
  _ piece: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> la_ssize_t {
  guard let context, let piece else { return -1 }
  let decoder = Unmanaged<ArchiveFilterDecoder>.fromOpaque(context).takeUnretainedValue()
  do {
    let bytes = try decoder.nextPiece?()
    piece.pointee = bytes?.baseAddress
    return bytes?.count ?? 0
  } catch {
    decoder.failure = error
    return -1
  }
}
