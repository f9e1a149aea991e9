// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem

/// A `.dockerignore` file: which files of the build context a build does not see.
///
/// Dockerfile reference, ".dockerignore file".
package struct IgnoreFile: Hashable, Sendable {
  package let source: SourceText
  package let filter: PathFilter
  /// The place of each rule of ``filter``.
  private let places: [SourceRange]

  /// - Throws: ``IgnoreFileError``.
  package init(parsing source: SourceText) throws(IgnoreFileError) {
    var rules: [PathFilter.Rule] = []
    var places: [SourceRange] = []
    for index in source.lines.indices {
      let (bytes, start) = source.line(index)
      guard bytes.first != UInt8(ascii: "#") else { continue }
      var line = LogicalLine()
      line.append(bytes, at: start)
      let offsets = line.trimmed(0..<line.count)
      guard !offsets.isEmpty else { continue }
      let range = line.range(offsets)
      rules.append(try Self.rule(line, offsets, at: range))
      places.append(range)
    }
    self.source = source
    self.places = places
    filter = PathFilter(rules)
  }

  package init(parsing bytes: [UInt8], name: String) throws(IgnoreFileError) {
    try self.init(parsing: SourceText(name: name, bytes: bytes))
  }

  /// The line that leaves a path out, for people; nil when it stays in.
  package func pattern(excluding path: PathBytes) -> Word? {
    filter.excludingPattern(of: path).flatMap(pattern(ofRule:))
  }

  /// The line of a rule, by its position in ``filter``.
  package func pattern(ofRule index: Int) -> Word? {
    guard places.indices.contains(index) else { return nil }
    let range = places[index]
    let text = source.bytes[source.lines[range.start.line - 1]]
    let columns = (range.start.column - 1)..<(range.end.column - 1)
    return Word(
      text: String(
        decoding: text.dropFirst(columns.lowerBound).prefix(columns.count), as: UTF8.self),
      range: range)
  }

  private static func rule(_ line: LogicalLine, _ offsets: Range<Int>, at range: SourceRange)
    throws(IgnoreFileError) -> PathFilter.Rule
  {
    let includes = line.bytes[offsets.lowerBound] == UInt8(ascii: "!")
    let rest = line.trimmed((offsets.lowerBound + (includes ? 1 : 0))..<offsets.upperBound)
    guard !rest.isEmpty else { throw IgnoreFileError.loneExclamationMark(at: range) }
    let text = line.text(rest)
    do {
      return PathFilter.Rule(try PathPattern(text), includes: includes)
    } catch {
      throw IgnoreFileError.malformedPattern(text, error.reason, at: range)
    }
  }
}

/// Why a `.dockerignore` file cannot be used.
package enum IgnoreFileError: Error, Hashable, Sendable {
  case loneExclamationMark(at: SourceRange)
  case malformedPattern(String, PathPatternError.Reason, at: SourceRange)
}

extension IgnoreFileError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .loneExclamationMark(let range):
      Diagnostic("\"!\" lacks a pattern", at: range, help: "write: !PATTERN")
    case .malformedPattern(let text, let reason, let range):
      Diagnostic("\"\(text)\" is not a pattern", at: range, help: reason.help)
    }
  }
}
