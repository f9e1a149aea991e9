// SPDX-License-Identifier: Apache-2.0

// How Docker's histories spell lists and durations: the notation of Go's `%q`, `%v` and `Duration`.

/// `["nginx" "-g" "daemon off;"]`
func quotedList(_ texts: [String]) -> String {
  "[" + texts.map(quoted).joined(separator: " ") + "]"
}

/// `[/data /logs]`
func plainList(_ texts: [String]) -> String { "[" + texts.joined(separator: " ") + "]" }

private func quoted(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    case "\u{0}"..<" ", "\u{7F}":
      let digits = String(scalar.value, radix: 16)
      out += "\\x" + (digits.count == 1 ? "0" : "") + digits
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out + "\""
}

/// `1m30s`, `500ms`, `0s`; never negative.
func goDuration(_ nanoseconds: Int64) -> String {
  if nanoseconds == 0 { return "0s" }
  if nanoseconds < 1_000_000_000 { return decimal(nanoseconds, per: 1_000_000) + "ms" }
  let minutes = nanoseconds / 60_000_000_000
  let seconds = decimal(nanoseconds % 60_000_000_000, per: 1_000_000_000) + "s"
  if minutes == 0 { return seconds }
  return minutes < 60 ? "\(minutes)m\(seconds)" : "\(minutes / 60)h\(minutes % 60)m\(seconds)"
}

private func decimal(_ value: Int64, per unit: Int64) -> String {
  let fraction = value % unit
  guard fraction != 0 else { return String(value / unit) }
  var digits = String(unit + fraction).dropFirst()
  while digits.last == "0" { digits.removeLast() }
  return "\(value / unit).\(digits)"
}
