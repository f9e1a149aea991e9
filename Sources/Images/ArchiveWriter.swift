// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// Writes a tar archive of a few large files that appears complete or not at all.
///
/// Members are root's, of mode 0644 or 0755, and of the year 1970: equal members give equal bytes.
/// POSIX.1-2017, pax, "ustar Interchange Format"; extended headers only for what ustar cannot say.
struct ArchiveWriter {
  private let output: OutputFile

  init(_ path: PathBytes) throws(SystemError) { output = try OutputFile(path) }

  func addDirectory(_ name: String) throws {
    try output.file.writeAll(tarHeader(name + "/", sizeInBytes: 0, isDirectory: true))
  }

  func addFile(_ name: String, _ bytes: [UInt8]) throws {
    try output.file.writeAll(tarHeader(name, sizeInBytes: Int64(bytes.count), isDirectory: false))
    try output.file.writeAll(bytes)
    try pad(after: Int64(bytes.count))
  }

  /// Adds a blob that lies complete in `store`.
  func addBlob(
    _ name: String, _ descriptor: Descriptor, from store: ContentStore,
    checking cancellation: Cancellation
  ) throws {
    let blob = try store.open(descriptor.digest)
    let size = try blob.status().sizeInBytes
    guard size == descriptor.size else {
      throw ImageError.corruptBlob(
        location: store.directory.description, digest: descriptor.digest,
        problem: .sizeMismatch(expected: descriptor.size, actual: size))
    }
    try output.file.writeAll(tarHeader(name, sizeInBytes: size, isDirectory: false))
    try append(size, of: blob, checking: cancellation)
    try pad(after: size)
  }

  /// Ends the archive and gives it its name.
  func commit() throws {
    try output.file.writeAll([UInt8](repeating: 0, count: 1024))
    try output.commit()
  }

  private func append(
    _ size: Int64, of blob: borrowing FileDescriptor, checking cancellation: Cancellation
  ) throws {
    var done: Int64 = 0
    while done < size {
      try cancellation.check()
      let wanted = min(size - done, 64 << 20)
      let copied = try output.file.append(wanted, from: blob, at: done)
      done += copied
      guard copied == wanted else {
        throw ContentError.sizeMismatch(expected: size, actual: done)
      }
    }
  }

  private func pad(after size: Int64) throws {
    let over = Int(size % TarHeaders.blockSize)
    if over > 0 {
      try output.file.writeAll([UInt8](repeating: 0, count: Int(TarHeaders.blockSize) - over))
    }
  }
}

/// The header of a member, an extended one before it where ustar's fields are too small.
func tarHeader(_ name: String, sizeInBytes: Int64, isDirectory: Bool) -> [UInt8] {
  var records: [UInt8] = []
  if name.utf8.count > 100 { records += paxRecord("path", name) }
  if sizeInBytes > largestOctalSize { records += paxRecord("size", String(sizeInBytes)) }
  var header: [UInt8] = []
  if !records.isEmpty {
    header += ustarHeader("PaxHeader", sizeInBytes: Int64(records.count), type: "x")
    header += records
    header += [UInt8](repeating: 0, count: (512 - records.count % 512) % 512)
  }
  return header
    + ustarHeader(name, sizeInBytes: sizeInBytes, type: isDirectory ? "5" : "0")
}

private let largestOctalSize: Int64 = 0o77_777_777_777

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
private func paxRecord(_ key: String, _ value: String) -> [UInt8] {
  let rest = " \(key)=\(value)\n".utf8
  var length = rest.count
  while String(length).utf8.count + rest.count != length {
    length = String(length).utf8.count + rest.count
  }
  return Array("\(length)".utf8) + Array(rest)
}

private func ustarHeader(_ name: String, sizeInBytes: Int64, type: Character) -> [UInt8] {
  var block = [UInt8](repeating: 0, count: 512)
  func put(_ bytes: some Collection<UInt8>, at offset: Int) {
    block.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
  }
  func octal(_ value: Int64, digits: Int) -> [UInt8] {
    let text = Array(String(value, radix: 8).utf8)
    return [UInt8](repeating: 0x30, count: max(0, digits - text.count)) + text
  }
  put(name.utf8.prefix(100), at: 0)
  put(octal(type == "5" ? 0o755 : 0o644, digits: 7), at: 100)
  put(octal(0, digits: 7), at: 108)
  put(octal(0, digits: 7), at: 116)
  if sizeInBytes <= largestOctalSize {
    put(octal(sizeInBytes, digits: 11), at: 124)
  } else {
    block[124] = 0x80
    for (place, shift) in stride(from: 56, through: 0, by: -8).enumerated() {
      block[128 + place] = UInt8(truncatingIfNeeded: sizeInBytes >> Int64(shift))
    }
  }
  put(octal(0, digits: 11), at: 136)
  put("        ".utf8, at: 148)
  put(String(type).utf8, at: 156)
  put("ustar\u{0}00".utf8, at: 257)
  put(octal(block.reduce(0) { $0 + Int64($1) }, digits: 6) + [0, 0x20], at: 148)
  return block
}
