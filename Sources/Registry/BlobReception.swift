// SPDX-License-Identifier: Apache-2.0

import Images
import OCI

/// Puts the pieces of one answer where they belong in a blob that may already have begun.
final class BlobReception: @unchecked Sendable {
  // Unchecked: one transfer calls `take`, piece after piece.
  private let descriptor: Descriptor
  private let writer: BlobWriter
  private let onReceived: (@Sendable (Int64) -> Void)?
  private var hasStarted = false

  init(
    _ descriptor: Descriptor, into writer: BlobWriter,
    _ onReceived: (@Sendable (Int64) -> Void)?
  ) {
    self.descriptor = descriptor
    self.writer = writer
    self.onReceived = onReceived
  }

  func take(_ head: ResponseHead, _ bytes: UnsafeRawBufferPointer) throws {
    if !hasStarted {
      hasStarted = true
      try start(head)
    }
    guard writer.sizeInBytes + Int64(bytes.count) <= descriptor.size else {
      throw RegistryError.tooLarge(what: "the blob \(descriptor.digest)", limit: descriptor.size)
    }
    try writer.write(bytes)
    onReceived?(writer.sizeInBytes)
  }

  /// A registry may ignore `Range` and send everything again.
  private func start(_ head: ResponseHead) throws {
    let offset = head.status == 206 ? firstByte(head.headers["content-range"]) : 0
    if offset == writer.sizeInBytes { return }
    guard offset == 0 else {
      throw RegistryError.malformedAnswer(
        host: "the registry", what: "it sends another part of a blob than was asked for")
    }
    try writer.restart()
  }

  /// `bytes 100-199/200`. RFC 9110, section 14.4.
  private func firstByte(_ range: String?) -> Int64? {
    guard let range, range.hasPrefix("bytes ") else { return nil }
    return Int64(range.dropFirst("bytes ".count).prefix { $0 != "-" })
  }
}
