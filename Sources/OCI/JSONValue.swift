// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Any JSON, so that what a newer specification adds survives a round trip.
package enum JSONValue: Hashable, Sendable, Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// - Throws: ``ContentError/malformed(_:)``.
  package init(parsing bytes: [UInt8]) throws {
    self = try decodeJSON(JSONValue.self, from: bytes)
  }

  package var object: [String: JSONValue]? {
    if case .object(let value) = self { value } else { nil }
  }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  package subscript(key: String) -> JSONValue? { object?[key] }
}

/// Decodes JSON from outside.
///
/// - Throws: ``ContentError/malformed(_:)`` that says where.
package func decodeJSON<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
  do {
    return try JSONDecoder().decode(type, from: Data(bytes))
  } catch let error as DecodingError {
    throw ContentError.malformed(summary(error))
  }
}

private func summary(_ error: DecodingError) -> String {
  func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    return path.isEmpty ? "the document" : "\"\(path.joined(separator: "."))\""
  }
  return switch error {
  case .typeMismatch(_, let context): "\(place(context)) has the wrong type"
  case .valueNotFound(_, let context): "\(place(context)) is null"
  case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
  case .dataCorrupted(let context):
    context.codingPath.isEmpty ? "not JSON" : "\(place(context)) is not valid"
  @unknown default: "not the expected JSON"
  }
}

/// Encodes with sorted keys and plain slashes, so equal values give equal bytes.
package func encodeJSON(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
  return [UInt8](try encoder.encode(value))
}
