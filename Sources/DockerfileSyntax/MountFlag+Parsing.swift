// SPDX-License-Identifier: Apache-2.0

import Diagnostics

extension MountFlag {
  /// The keys that ``Field/key`` may have, and what else they are called.
  private static let aliases: [String: String] = [
    "dst": "target", "destination": "target", "src": "source", "ro": "readonly",
    "rw": "readwrite",
  ]

  private static let keys = [
    "type", "from", "source", "target", "readonly", "readwrite", "required", "size", "id",
    "sharing", "mode", "uid", "gid", "env",
  ]

  /// Those that may stand without a value.
  private static let lone = ["readonly", "readwrite", "required"]

  /// Reads the comma-separated fields; quotes around a field keep its commas.
  ///
  /// Dockerfile reference, "RUN --mount".
  init(_ word: Word) throws(DockerfileError) {
    range = word.range
    fields = []
    for part in try Self.split(word) {
      let (name, value) = part.splitAtEquals()
      let written = name.text.lowercased()
      let key = Self.aliases[written] ?? written
      guard Self.keys.contains(key) else {
        let known = Self.keys + Self.aliases.keys.sorted()
        throw .unknownMountKey(
          name.text, near: nearest(to: written, among: known), at: name.range)
      }
      guard value != nil || Self.lone.contains(key) else {
        throw .mountKeyWithoutValue(name.text, at: part.range)
      }
      if key == "from", let value, value.text.utf8.contains(UInt8(ascii: "$")) {
        throw .variableInFlag("from", at: value.range)
      }
      fields.append(Field(key: key, value: value, range: part.range))
    }
  }

  /// RFC 4180: a field in double quotes; two of them stand for one.
  private static func split(_ word: Word) throws(DockerfileError) -> [Word] {
    let bytes = Array(word.text.utf8)
    let quote = UInt8(ascii: "\"")
    var parts: [Word] = []
    var part: [UInt8] = []
    var start = 0
    var index = 0
    var isQuoted = false
    func finish() {
      let text = String(decoding: part, as: UTF8.self)
      parts.append(Word(text: text, range: word.range(of: start..<index)))
    }
    while index < bytes.count {
      let byte = bytes[index]
      if isQuoted, byte == quote, index + 1 < bytes.count, bytes[index + 1] == quote {
        part.append(quote)
        index += 1
      } else if byte == quote, isQuoted || part.isEmpty {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ","), !isQuoted {
        finish()
        part = []
        start = index + 1
      } else {
        part.append(byte)
      }
      index += 1
    }
    guard !isQuoted else {
      throw .expansion(
        ExpansionError(reason: .unterminatedQuote("\""), offset: start), at: word.range(at: start))
    }
    finish()
    return parts
  }
}
