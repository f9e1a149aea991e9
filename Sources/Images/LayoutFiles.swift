// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI

/// The files of an image layout or saved image: in a folder, or in a tar archive.
enum LayoutFiles: Sendable {
  case folder(PathBytes)
  case archive(ArchiveReader)

  /// The whole of a small file; nil when there is none of that name.
  func contents(of name: PathBytes, limit: Int) throws -> [UInt8]? {
    guard let file = try open(name) else { return nil }
    guard file.sizeInBytes <= Int64(limit) else { throw ContentError.tooLarge(limit: limit) }
    var sink = MemorySink(limit: limit)
    try file.forEachPiece { try sink.write($0) }
    return sink.bytes
  }

  /// - Returns: Nil when there is no file of that name.
  func open(_ name: PathBytes) throws -> LayoutFile? {
    switch self {
    case .folder(let directory): try .whole(directory.appending(name))
    case .archive(let archive): try archive.file(named: name)
    }
  }
}

/// A stretch of an open file.
struct LayoutFile: Sendable {
  private let file: SharedFile
  private let offset: Int64
  let sizeInBytes: Int64

  init(in file: SharedFile, offset: Int64, sizeInBytes: Int64) {
    self.file = file
    self.offset = offset
    self.sizeInBytes = sizeInBytes
  }

  /// - Returns: Nil when there is no such file.
  fileprivate static func whole(_ path: PathBytes) throws(SystemError) -> LayoutFile? {
    do {
      let file = try SharedFile(path)
      return LayoutFile(in: file, offset: 0, sizeInBytes: file.sizeInBytes)
    } catch  where error.errno == .noSuchFile || error.errno == .notDirectory {
      return nil
    }
  }

  /// - Throws: ``ContentError/sizeMismatch(expected:actual:)`` when the file became shorter, or
  ///   what `body` throws.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let largest = Int(min(max(sizeInBytes, 1), 1 << 20))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 16)
    defer { buffer.deallocate() }
    var done: Int64 = 0
    while done < sizeInBytes {
      let wanted = Int(min(Int64(largest), sizeInBytes - done))
      let got = try file.descriptor.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset + done)
      guard got > 0 else { throw ContentError.sizeMismatch(expected: sizeInBytes, actual: done) }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      done += Int64(got)
    }
  }

  /// Up to `count` bytes of the beginning.
  func prefix(_ count: Int) throws -> [UInt8] {
    let beginning = LayoutFile(
      in: file, offset: offset, sizeInBytes: min(Int64(count), sizeInBytes))
    var bytes: [UInt8] = []
    try beginning.forEachPiece { bytes.append(contentsOf: $0) }
    return bytes
  }
}

/// A regular file that several readers share; it is read at given offsets only.
final class SharedFile: Sendable {
  let descriptor: FileDescriptor
  let sizeInBytes: Int64

  /// - Throws: `EINVAL` for anything but a regular file.
  init(_ path: PathBytes) throws(SystemError) {
    // A pipe must not make the open wait for a writer.
    let file = try FileDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
    let status = try file.status()
    switch status.kind {
    case .regular: break
    case .directory: throw SystemError("open", path, .isDirectory)
    default: throw SystemError("open", path, .invalidArgument)
    }
    sizeInBytes = status.sizeInBytes
    descriptor = file
  }
}
