// SPDX-License-Identifier: Apache-2.0

/// What went wrong (or looks wrong), where, and what to do next.
package struct Diagnostic: Hashable, Sendable {
  package enum Severity: String, Hashable, Sendable {
    case error, warning
  }

  /// A range in a named file.
  package struct Location: Hashable, Sendable {
    /// As the user wrote it; `-` is standard input.
    package var file: String
    /// Absent when the whole file is meant.
    package var range: SourceRange?
    /// The text of the lines `range` touches, for the excerpt; may be empty.
    package var lines: [String]

    package init(file: String, range: SourceRange? = nil, lines: [String] = []) {
      self.file = file
      self.range = range
      self.lines = lines
    }
  }

  package var severity: Severity
  /// Lower case, no full stop, the user's own words in quotes.
  package var message: String
  /// Within the file the error is about; the file's name is added by whoever knows it.
  package var range: SourceRange?
  package var location: Location?
  package var notes: [String]
  package var help: String?
  /// How the program ends when this is what ends it.
  package var exit: ExitCode

  package init(
    _ message: String, severity: Severity = .error, at range: SourceRange? = nil,
    in location: Location? = nil, notes: [String] = [], help: String? = nil,
    exit: ExitCode = .failure
  ) {
    self.severity = severity
    self.message = message
    self.range = range ?? location?.range
    self.location = location
    self.notes = notes
    self.help = help
    self.exit = exit
  }
}

/// How a command ends: 0 done, 1 the build or audit failed, 2 wrong usage, 3 the surroundings failed.
package struct ExitCode: Hashable, Sendable {
  package var rawValue: Int32

  package init(_ rawValue: Int32) { self.rawValue = rawValue }

  package static let success = ExitCode(0)
  package static let failure = ExitCode(1)
  package static let usage = ExitCode(2)
  package static let surroundings = ExitCode(3)
}

/// An error that can say what happened, where, and what to do next.
package protocol DiagnosticConvertible: Error {
  var diagnostic: Diagnostic { get }
}
