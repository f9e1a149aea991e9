// SPDX-License-Identifier: Apache-2.0

import OCI

/// The `index.json` of an image layout. Fields and entries that are not understood are kept.
///
/// OCI image-spec v1.1, image-layout.md, "index.json file".
struct LayoutIndex: Sendable {
  static let nameAnnotation = "org.opencontainers.image.ref.name"
  static let largestSizeInBytes = 16 << 20

  private var fields: [String: JSONValue]
  private var entries: [JSONValue]

  init() {
    fields = ["schemaVersion": .integer(2), "mediaType": .string(MediaType.ociIndex.rawValue)]
    entries = []
  }

  /// - Throws: ``ContentError/malformed(_:)``.
  init(parsing bytes: [UInt8]) throws {
    guard case .object(var fields) = try JSONValue(parsing: bytes) else {
      throw ContentError.malformed("index.json is not an object")
    }
    switch fields.removeValue(forKey: "manifests") {
    case .array(let entries): self.entries = entries
    case nil, .null: entries = []
    default: throw ContentError.malformed("\"manifests\" is not a list")
    }
    self.fields = fields
  }

  /// Every name, in the order of the entries.
  var names: [String] {
    var seen: Set<String> = []
    return entries.compactMap(Self.name).filter { seen.insert($0).inserted }
  }

  var count: Int { entries.count }

  /// The entries with `name`; all of them when it is absent.
  ///
  /// - Throws: ``ContentError/malformed(_:)`` when one of them is no descriptor.
  func descriptors(named name: String?) throws -> [Descriptor] {
    try entries.filter { name == nil || Self.name(of: $0) == name }
      .map { try decodeJSON(Descriptor.self, from: encodeJSON($0)) }
  }

  /// Lets `name` lead to `descriptor` and to nothing else.
  mutating func set(_ name: String, to descriptor: Descriptor) throws {
    var descriptor = descriptor
    descriptor.annotations = [Self.nameAnnotation: name]
    let entry = try JSONValue(parsing: encodeJSON(descriptor))
    let place = entries.firstIndex { Self.name(of: $0) == name } ?? entries.count
    remove(name)
    entries.insert(entry, at: place)
  }

  /// Lets the whole layout hold `descriptor` only, under no name.
  mutating func setOnly(_ descriptor: Descriptor) throws {
    entries = [try JSONValue(parsing: encodeJSON(descriptor))]
  }

  /// - Returns: False when there is no such name.
  @discardableResult
  mutating func remove(_ name: String) -> Bool {
    let before = entries.count
    entries.removeAll { Self.name(of: $0) == name }
    return entries.count < before
  }

  func encoded() throws -> [UInt8] {
    var fields = fields
    fields["manifests"] = .array(entries)
    return try encodeJSON(JSONValue.object(fields))
  }

  private static func name(of entry: JSONValue) -> String? {
    entry["annotations"]?[nameAnnotation]?.string
  }
}
