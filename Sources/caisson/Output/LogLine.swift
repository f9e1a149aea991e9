// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// When an event happened.
struct LogMoment: Hashable, Sendable {
  var sinceStart: Duration
  var secondsSince1970: Int64
}

/// One event as kaniko's logger (logrus) writes it, without the line's end.
func logLine(_ event: Log.Event, at moment: LogMoment, format: LogFormat, hasTimestamps: Bool)
  -> String
{
  switch format {
  case .color: colorLine(event, moment, hasTimestamps)
  case .text: textLine(event, moment)
  case .json: jsonLine(event, moment)
  }
}

/// `INFO[0007] message`, the message filled up to 44 columns, then the fields.
private func colorLine(_ event: Log.Event, _ moment: LogMoment, _ hasTimestamps: Bool) -> String {
  let color =
    switch event.level {
    case .panic, .fatal, .error: 31
    case .warn: 33
    case .info: 36
    case .debug, .trace: 37
    }
  func colored(_ text: String) -> String { "\u{1B}[\(color)m\(text)\u{1B}[0m" }
  let whole = String(moment.sinceStart.components.seconds)
  let time =
    hasTimestamps
    ? rfc3339(secondsSince1970: moment.secondsSince1970)
    : String(repeating: "0", count: max(0, 4 - whole.count)) + whole
  let level = colored(String(event.level.name.uppercased().prefix(4)))
  let message = padded(escapedForTerminal(event.message), to: 44)
  return event.fields.reduce("\(level)[\(time)] \(message) ") { line, field in
    line + " \(colored(field.name))=\(quotedIfNeeded(escapedForTerminal(field.value)))"
  }
}

/// logfmt.
private func textLine(_ event: Log.Event, _ moment: LogMoment) -> String {
  let level = event.level == .warn ? "warning" : event.level.name
  let head = [
    "time=\"\(rfc3339(secondsSince1970: moment.secondsSince1970))\"", "level=\(level)",
    "msg=\(quotedIfNeeded(escapedForTerminal(event.message)))",
  ]
  return
    (head
    + event.fields.map { "\($0.name)=\(quotedIfNeeded(escapedForTerminal($0.value)))" })
    .joined(separator: " ")
}

private func jsonLine(_ event: Log.Event, _ moment: LogMoment) -> String {
  var object: [String: JSONValue] = [:]
  for field in event.fields { object[field.name] = .string(field.value) }
  object["level"] = .string(event.level == .warn ? "warning" : event.level.name)
  object["msg"] = .string(event.message)
  object["time"] = .string(rfc3339(secondsSince1970: moment.secondsSince1970))
  return compactJSON(object)
}

/// One line of JSON with sorted keys.
func compactJSON(_ object: [String: JSONValue]) -> String {
  // Strings, numbers and arrays of them always encode; a number that is not finite would not.
  guard let bytes = try? encodeJSON(JSONValue.object(object)) else { return "{}" }
  return String(decoding: bytes, as: UTF8.self)
}

private func quotedIfNeeded(_ text: String) -> String {
  let isPlain = text.utf8.allSatisfy { byte in
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      || "-._/@^+:".utf8.contains(byte)
  }
  if isPlain, !text.isEmpty { return text }
  let escaped = text.map { character in
    switch character {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\n": "\\n"
    case "\t": "\\t"
    default: String(character)
    }
  }
  return "\"\(escaped.joined())\""
}
