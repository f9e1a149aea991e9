// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Images
import LinuxSystem
import OCI

/// One image of the local store.
struct ImageRow: Hashable, Sendable {
  /// Nil for an image without a name.
  var name: String?
  var digest: Digest
  var sizeInBytes: Int64
  /// RFC 3339, as the configuration has it.
  var created: String?
  var platform: Platform
}

func imageTable(_ rows: [ImageRow]) -> String {
  table(
    ["NAME", "DIGEST", "SIZE", "CREATED", "PLATFORM"],
    rows.map { row in
      [
        oneLine(row.name ?? "-"), row.digest.short, sizeText(row.sizeInBytes),
        oneLine(row.created ?? "-"), oneLine(row.platform.description),
      ]
    })
}

func imageListJSON(_ rows: [ImageRow]) throws -> [UInt8] {
  let list = rows.map { row in
    var fields: [String: JSONValue] = [
      "digest": .string(row.digest.description), "sizeInBytes": .integer(row.sizeInBytes),
      "platform": .string(row.platform.description),
    ]
    fields["name"] = row.name.map(JSONValue.string)
    fields["created"] = row.created.map(JSONValue.string)
    return JSONValue.object(fields)
  }
  return try encodeJSON(JSONValue.array(list), pretty: true) + [0x0A]
}

/// Manifest and configuration as they are stored, beside the digest.
func inspectionJSON(_ image: Image) throws -> [UInt8] {
  let answer = JSONValue.object([
    "digest": .string(image.digest.description),
    "manifest": try JSONValue(parsing: image.encodedManifest.bytes),
    "configuration": try JSONValue(parsing: image.encodedConfiguration),
  ])
  return try encodeJSON(answer, pretty: true) + [0x0A]
}

/// A file of a flattened image.
struct FileRow: Hashable, Sendable {
  var kind: FileStatus.Kind
  /// The lower twelve bits.
  var permissions: UInt32
  var uid: UInt32
  var gid: UInt32
  var sizeInBytes: Int64
  /// Seconds since 1970.
  var modified: Int64
  /// Relative to the root.
  var path: PathBytes
  /// Of a symbolic link.
  var linkTarget: PathBytes?
}

/// Lines like those of `ls -ln`.
func fileTable(_ rows: [FileRow]) -> String {
  let owners = rows.map { "\($0.uid):\($0.gid)" }
  let ownerWidth = owners.map(\.count).max() ?? 0
  let sizeWidth = rows.map { String($0.sizeInBytes).count }.max() ?? 0
  return zip(rows, owners).map { row, owner in
    let size = String(row.sizeInBytes)
    let target = row.linkTarget.map { " -> \(oneLine($0.description))" } ?? ""
    return [
      modeText(row.kind, row.permissions), padded(owner, to: ownerWidth),
      String(repeating: " ", count: sizeWidth - size.count) + size,
      rfc3339(secondsSince1970: row.modified), "/" + oneLine(row.path.description) + target,
    ].joined(separator: "  ") + "\n"
  }.joined()
}

/// Names that are not UTF-8 have what is wrong replaced.
func fileListJSON(_ rows: [FileRow]) throws -> [UInt8] {
  let list = rows.map { row in
    var fields: [String: JSONValue] = [
      "path": .string("/" + row.path.description),
      "type": .string(kindName(row.kind)),
      "mode": .string("0" + String(row.permissions, radix: 8)),
      "uid": .integer(Int64(row.uid)), "gid": .integer(Int64(row.gid)),
      "sizeInBytes": .integer(row.sizeInBytes),
      "modified": .string(rfc3339(secondsSince1970: row.modified)),
    ]
    fields["linkTarget"] = row.linkTarget.map { .string($0.description) }
    return JSONValue.object(fields)
  }
  return try encodeJSON(JSONValue.array(list), pretty: true) + [0x0A]
}

/// `drwxr-xr-x`, with set-ids and the sticky bit as `ls` shows them.
func modeText(_ kind: FileStatus.Kind, _ permissions: UInt32) -> String {
  var text = kindLetter(kind)
  for (index, special) in [(0, UInt32(0o4000)), (1, 0o2000), (2, 0o1000)] {
    let bits = permissions >> UInt32(6 - 3 * index) & 7
    text += bits & 4 != 0 ? "r" : "-"
    text += bits & 2 != 0 ? "w" : "-"
    let letter = index == 2 ? "t" : "s"
    switch (permissions & special != 0, bits & 1 != 0) {
    case (true, true): text += letter
    case (true, false): text += letter.uppercased()
    case (false, true): text += "x"
    case (false, false): text += "-"
    }
  }
  return text
}

private func kindLetter(_ kind: FileStatus.Kind) -> String {
  switch kind {
  case .regular: "-"
  case .directory: "d"
  case .symbolicLink: "l"
  case .characterDevice: "c"
  case .blockDevice: "b"
  case .fifo: "p"
  case .socket: "s"
  case .unknown: "?"
  }
}

private func kindName(_ kind: FileStatus.Kind) -> String {
  switch kind {
  case .regular: "file"
  case .directory: "directory"
  case .symbolicLink: "symlink"
  case .characterDevice: "character device"
  case .blockDevice: "block device"
  case .fifo: "fifo"
  case .socket: "socket"
  case .unknown: "unknown"
  }
}

/// Columns as wide as their widest text, three blanks between them.
func table(_ head: [String], _ rows: [[String]]) -> String {
  let all = [head] + rows
  let widths = head.indices.map { column in all.map { displayWidth($0[column]) }.max() ?? 0 }
  return all.map { row in
    var line = ""
    for (column, text) in row.enumerated() {
      let isLast = column == row.count - 1
      let gap = isLast ? 0 : widths[column] - displayWidth(text) + 3
      line += text + String(repeating: " ", count: gap)
    }
    return line + "\n"
  }.joined()
}
