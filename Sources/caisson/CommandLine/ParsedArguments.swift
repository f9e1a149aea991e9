// SPDX-License-Identifier: Apache-2.0

/// The words of a command line, sorted by the options of a command.
///
/// The rules are pflag's: options and arguments mix, `--` ends the options, the last of several
/// values counts unless the option is repeatable, a flag takes its value only behind `=`.
struct ParsedArguments: Hashable, Sendable {
  private(set) var positionals: [String] = []
  private(set) var asksForHelp = false
  private var values: [String: [String]] = [:]

  init(_ words: [String], of command: Command) throws(CommandLineError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        positionals += rest
        rest = []
      } else if word == "--help" || (word == "-h" && command.option(short: "h") == nil) {
        asksForHelp = true
        return
      } else if word.hasPrefix("--") {
        try takeLong(word, &rest, command)
      } else if word.hasPrefix("-"), word != "-" {
        try takeShort(word, &rest, command)
      } else {
        positionals.append(word)
      }
    }
    try checkCount(command)
  }

  /// Whether a flag is set.
  func isSet(_ option: Option) -> Bool { values[option.name]?.last == "true" }

  /// The value of an option that counts once.
  func value(of option: Option) -> String? { values[option.name]?.last }

  func values(of option: Option) -> [String] { values[option.name] ?? [] }

  func isPresent(_ option: Option) -> Bool { values[option.name] != nil }

  private mutating func takeLong(
    _ word: String, _ rest: inout ArraySlice<String>, _ command: Command
  ) throws(CommandLineError) {
    let parts = word.dropFirst(2).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts.first ?? "")
    guard let option = command.option(named: name) else {
      let known = command.options.lazy.flatMap { [$0.name] + $0.otherNames }
      throw .unknownOption(
        "--\(name)", near: nearestName(to: name, among: known).map { "--\($0)" },
        command: command.name)
    }
    try take(option, "--\(name)", attached: parts.count == 2 ? String(parts[1]) : nil, &rest)
  }

  private mutating func takeShort(
    _ word: String, _ rest: inout ArraySlice<String>, _ command: Command
  ) throws(CommandLineError) {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = command.option(short: letter) else {
        throw .unknownOption("-\(letter)", near: nil, command: command.name)
      }
      let hasValue = option.kind != .flag || letters.first == "="
      let attached = letters.first == "=" ? letters.dropFirst() : letters
      let hasAttached = hasValue && !letters.isEmpty
      try take(option, "-\(letter)", attached: hasAttached ? String(attached) : nil, &rest)
      if hasAttached || hasValue { return }
    }
  }

  private mutating func take(
    _ option: Option, _ spelling: String, attached: String?, _ rest: inout ArraySlice<String>
  ) throws(CommandLineError) {
    let text: String
    if option.kind == .flag {
      text = attached ?? "true"
    } else if let next = attached ?? rest.popFirst() {
      text = next
    } else {
      throw .missingValue(option: spelling)
    }
    let value = try checked(text, of: option, spelling)
    switch option.standing {
    case .carriedOut: values[option.name, default: []].append(value)
    // A flag that is off asks for nothing.
    case .notYet: if value != "false" || option.kind != .flag { throw .notYet(spelling) }
    case .refused(let reason): if value != "false" { throw .refused(spelling, reason: reason) }
    }
  }

  private func checked(_ text: String, of option: Option, _ spelling: String)
    throws(CommandLineError) -> String
  {
    switch option.kind {
    case .value: return text
    case .flag:
      guard let value = boolean(text) else {
        throw .badValue(option: spelling, value: text, expected: "true or false")
      }
      return value ? "true" : "false"
    case .choice(let words):
      guard let word = words.first(where: { $0 == text.lowercased() }) else {
        throw .badValue(option: spelling, value: text, expected: oneOf(words))
      }
      return word
    }
  }

  private func checkCount(_ command: Command) throws(CommandLineError) {
    if positionals.count > command.positionalCount.upperBound {
      throw .unexpectedArgument(
        positionals[command.positionalCount.upperBound], command: command.name)
    }
    if positionals.count < command.positionalCount.lowerBound {
      let names = command.synopsis.split(separator: " ")
      throw .missingArgument(
        names.dropFirst(positionals.count).first.map(String.init) ?? "an argument",
        command: command.name)
    }
  }
}

/// The words Go's flag packages take for a truth value.
func boolean(_ text: String) -> Bool? {
  switch text {
  case "1", "t", "T", "true", "TRUE", "True": true
  case "0", "f", "F", "false", "FALSE", "False": false
  default: nil
  }
}

/// `a, b or c`.
func oneOf(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " or " + last
}
