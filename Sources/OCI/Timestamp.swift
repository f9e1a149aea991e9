// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Times as image configurations write them: RFC 3339, UTC, whole seconds.
package enum Timestamp {
  /// - Parameter seconds: Since 1970.
  package static func text(seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }

  /// Seconds since 1970; fractions are dropped. Nil for what is no RFC 3339 time.
  package static func seconds(_ text: String) -> Int64? {
    let whole = Date.ISO8601FormatStyle()
    let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    let date = (try? whole.parse(text)) ?? (try? fractional.parse(text))
    return date.map { Int64($0.timeIntervalSince1970.rounded(.down)) }
  }
}
