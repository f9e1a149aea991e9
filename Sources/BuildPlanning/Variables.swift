// SPDX-License-Identifier: Apache-2.0

/// Names and values in the order they were first set.
struct Variables: Hashable, Sendable {
  private(set) var names: [String] = []
  private(set) var values: [String: String] = [:]

  subscript(name: String) -> String? { values[name] }

  mutating func set(_ name: String, _ value: String) {
    if values.updateValue(value, forKey: name) == nil { names.append(name) }
  }

  /// Sets what `NAME=value` says; nothing behind a name without a value is the empty text.
  mutating func set(assignment: String) {
    let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    set(String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
  }

  /// `NAME=value`, in order.
  var assignments: [String] { names.map { "\($0)=\(values[$0] ?? "")" } }
}

/// Build arguments that a `RUN` gets without `ARG`, and that no history shows.
///
/// Dockerfile reference, "Predefined ARGs".
enum ProxyArguments {
  static let names = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"]

  static func contains(_ name: String) -> Bool { names.contains(name.uppercased()) }

  /// Both spellings of each that was given.
  static func assignments(_ given: Variables) -> [(name: String, value: String)] {
    names.flatMap { name -> [(name: String, value: String)] in
      let value = given.names.last { $0.uppercased() == name }.flatMap { given[$0] }
      guard let value else { return [] }
      return [(name, value), (name.lowercased(), value)]
    }
  }
}
