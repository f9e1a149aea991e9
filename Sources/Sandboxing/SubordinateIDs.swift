// SPDX-License-Identifier: Apache-2.0

/// A range of IDs that a user may map into its namespaces (subuid(5), subgid(5)).
struct SubordinateIDs: Hashable, Sendable {
  var first: UInt32
  var count: UInt32

  /// The ranges of a user in the text of `/etc/subuid` or `/etc/subgid`.
  ///
  /// Lines that are malformed, empty or reach beyond the last ID are passed over, as `newuidmap`
  /// does.
  ///
  /// - Parameters:
  ///   - names: What the user may be called: its login name, its number.
  static func ranges(in text: [UInt8], of names: Set<String>) -> [SubordinateIDs] {
    text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let fields = String(decoding: line, as: UTF8.self)
        .split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, names.contains(String(fields[0])),
        let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0,
        !first.addingReportingOverflow(count).overflow
      else { return nil }
      return SubordinateIDs(first: first, count: count)
    }
  }

  /// The arguments of `newuidmap` behind the process ID: our own ID becomes 0, the ranges follow.
  static func mapArguments(own: UInt32, ranges: [SubordinateIDs]) -> [String] {
    var arguments = ["0", String(own), "1"]
    var next: UInt32 = 1
    for range in ranges {
      let (end, overflow) = next.addingReportingOverflow(range.count)
      if overflow { break }
      arguments += [String(next), String(range.first), String(range.count)]
      next = end
    }
    return arguments
  }
}
