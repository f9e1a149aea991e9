// SPDX-License-Identifier: Apache-2.0

/// Where events go. Constant text plus fields; the sink decides how they look.
///
/// Pass it down; there is no global log. `Log.silent` drops everything.
package struct Log: Sendable {
  /// kaniko's levels, most severe first.
  package enum Level: Int, Comparable, Sendable, CaseIterable {
    case panic, fatal, error, warn, info, debug, trace

    package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }

    package var name: String { "\(self)" }
  }

  package typealias Fields = KeyValuePairs<String, String>

  package struct Event: Sendable {
    package var level: Level
    package var message: String
    package var fields: [(name: String, value: String)]

    package init(level: Level, message: String, fields: [(name: String, value: String)] = []) {
      self.level = level
      self.message = message
      self.fields = fields
    }
  }

  private let threshold: Level
  private let sink: @Sendable (Event) -> Void

  package init(threshold: Level, sink: @escaping @Sendable (Event) -> Void) {
    self.threshold = threshold
    self.sink = sink
  }

  package static let silent = Log(threshold: .panic) { _ in }

  package func error(_ message: String, _ fields: Fields = [:]) { post(.error, message, fields) }
  package func warn(_ message: String, _ fields: Fields = [:]) { post(.warn, message, fields) }
  package func info(_ message: String, _ fields: Fields = [:]) { post(.info, message, fields) }
  package func debug(_ message: String, _ fields: Fields = [:]) { post(.debug, message, fields) }

  private func post(_ level: Level, _ message: String, _ fields: Fields) {
    guard level <= threshold else { return }
    sink(
      Event(level: level, message: message, fields: fields.map { (name: $0.key, value: $0.value) }))
  }
}
