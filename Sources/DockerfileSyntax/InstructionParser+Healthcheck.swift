// SPDX-License-Identifier: Apache-2.0

import Diagnostics

extension InstructionParser {
  func healthcheck() throws(DockerfileError) -> HealthcheckInstruction {
    let (kind, rest) = line.splitFirst(arguments)
    switch line.text(kind).uppercased() {
    case "NONE": return try noHealthcheck(rest)
    case "CMD":
      guard !rest.isEmpty else { throw missingArguments }
      return HealthcheckInstruction(
        command: try commandLine(rest), intervalInNanoseconds: try duration("--interval"),
        timeoutInNanoseconds: try duration("--timeout"),
        startPeriodInNanoseconds: try duration("--start-period"),
        startIntervalInNanoseconds: try duration("--start-interval"), retries: try retries())
    default: throw .unknownHealthcheck(line.text(kind), at: line.range(kind))
    }
  }

  private func noHealthcheck(_ rest: Range<Int>) throws(DockerfileError) -> HealthcheckInstruction {
    guard rest.isEmpty else { throw surplusArguments(line.words(rest)[...]) }
    if let flag = flags.first {
      throw .invalidFlagValue(
        flag.value.text, flag: flag.name, expected: "no options with NONE", at: flag.value.range)
    }
    return HealthcheckInstruction()
  }

  /// - Returns: Nil where the flag is absent or 0, which both mean "inherit".
  private func duration(_ flag: String) throws(DockerfileError) -> Int64? {
    guard let word = flags[flag] else { return nil }
    let millisecond: Int64 = 1_000_000
    guard let value = nanoseconds(word.text), value == 0 || value >= millisecond else {
      throw .invalidFlagValue(
        word.text, flag: flag, expected: "a duration of at least 1ms, as in 30s or 1m30s",
        at: word.range)
    }
    return value == 0 ? nil : value
  }

  private func retries() throws(DockerfileError) -> Int? {
    guard let word = flags["--retries"] else { return nil }
    guard let value = Int32(word.text), value >= 0 else {
      throw .invalidFlagValue(
        word.text, flag: "--retries", expected: "a whole number", at: word.range)
    }
    return value == 0 ? nil : Int(value)
  }
}

/// Reads a duration in Go's notation: `1h30m`, `1.5s`, `200ms`, `0`.
///
/// - Returns: Nil when it is none, is negative, or does not fit.
func nanoseconds(_ text: String) -> Int64? {
  if text == "0" { return 0 }
  let units: [String: Double] = [
    "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
  ]
  var rest = Substring(text)
  var total = 0.0
  guard !rest.isEmpty else { return nil }
  while !rest.isEmpty {
    let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    rest = rest.dropFirst(number.count)
    let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
    rest = rest.dropFirst(unit.count)
    guard let value = Double(number), let factor = units[String(unit)] else { return nil }
    total += value * factor
  }
  return total < 9e18 ? Int64(total.rounded()) : nil
}
