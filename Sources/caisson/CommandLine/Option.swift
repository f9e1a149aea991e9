// SPDX-License-Identifier: Apache-2.0

/// One option of a command. Parsing, help and suggestions all read this value.
struct Option: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// `--name`, `--name=true`, `--name=false`.
    case flag
    /// Any text; the placeholder stands for it in help.
    case value(placeholder: String)
    /// One of these words.
    case choice([String])
  }

  enum Standing: Hashable, Sendable {
    case carriedOut
    /// Known from the tool whose options these are, but not written yet.
    case notYet
    /// Never will be, and why.
    case refused(String)
  }

  enum Heading: String, Hashable, Sendable, CaseIterable {
    case input = "Input"
    case build = "Build"
    case output = "Output"
    case registry = "Registry"
    case display = "Display"
  }

  /// Without dashes.
  var name: String
  var short: Character?
  /// Other names that mean the same.
  var otherNames: [String] = []
  var kind: Kind
  var isRepeatable = false
  /// What holds when the option is absent; for help.
  var standard: String?
  var summary: String
  var heading: Heading = .build
  var standing: Standing = .carriedOut

  /// As people write it.
  var spelling: String { "--\(name)" }

  static func flag(
    _ name: String, short: Character? = nil, otherNames: [String] = [], _ heading: Heading,
    _ summary: String
  ) -> Option {
    Option(
      name: name, short: short, otherNames: otherNames, kind: .flag, summary: summary,
      heading: heading)
  }

  static func value(
    _ name: String, short: Character? = nil, otherNames: [String] = [], _ placeholder: String,
    isRepeatable: Bool = false, standard: String? = nil, _ heading: Heading, _ summary: String
  ) -> Option {
    Option(
      name: name, short: short, otherNames: otherNames, kind: .value(placeholder: placeholder),
      isRepeatable: isRepeatable, standard: standard, summary: summary, heading: heading)
  }

  static func choice(
    _ name: String, short: Character? = nil, _ words: [String], standard: String,
    _ heading: Heading, _ summary: String
  ) -> Option {
    Option(
      name: name, short: short, kind: .choice(words), standard: standard, summary: summary,
      heading: heading)
  }

  /// Options that are known so that they can be refused by name; they do not show in help.
  ///
  /// - Parameter names: `name` takes a value, `name?` is a flag, `n|name` has a short form.
  static func notYet(_ names: String) -> [Option] {
    names.split(whereSeparator: \.isWhitespace).map { word in
      let isFlag = word.hasSuffix("?")
      let parts = (isFlag ? word.dropLast() : word).split(separator: "|")
      return Option(
        name: parts.last.map(String.init) ?? "", short: parts.count > 1 ? parts[0].first : nil,
        kind: isFlag ? .flag : .value(placeholder: "VALUE"), isRepeatable: true, summary: "",
        standing: .notYet)
    }
  }
}

/// A command of the program, with everything it understands.
struct Command: Hashable, Sendable {
  /// `["image", "ls"]`.
  var path: [String]
  var summary: String
  /// What stands behind the options, in the notation of help: `[CONTEXT]`.
  var synopsis: String
  var positionalCount: ClosedRange<Int>
  var options: [Option]
  /// Paragraphs below the options in help.
  var notes: [String] = []

  var name: String { path.joined(separator: " ") }

  func option(named name: String) -> Option? {
    options.first { $0.name == name || $0.otherNames.contains(name) }
  }

  func option(short: Character) -> Option? { options.first { $0.short == short } }

  static let all: [Command] =
    [.build, .executor, .check, .plan, .parse] + Command.image + Command.index
    + [.doctor, .version, .help]
}

extension Command {
  static let version = Command(
    path: ["version"], summary: "Prints the program's version.", synopsis: "",
    positionalCount: 0...0, options: [])
  static let help = Command(
    path: ["help"], summary: "Explains a command.", synopsis: "[COMMAND]",
    positionalCount: 0...3, options: [])
}
