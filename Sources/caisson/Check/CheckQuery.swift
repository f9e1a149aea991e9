// SPDX-License-Identifier: Apache-2.0

import DockerfileChecks
import LinuxSystem

/// A Dockerfile to check, or a question about the rules.
struct CheckQuery: Hashable, Sendable {
  enum Format: String, Hashable, Sendable {
    case text, json, sarif, github
  }

  enum Subject: Hashable, Sendable {
    /// What is to be checked, and with which build in mind.
    case dockerfile(BuildOptions)
    /// A directory, or the Dockerfile itself: that can be told by looking only.
    case directoryOrFile(BuildOptions)
    case rules
  }

  var subject: Subject
  /// Files are named as seen from here: other programs look for them by these names.
  var workingDirectory: PathBytes
  var format = Format.text
  var skipped = RuleSelection.Names.some([])
  var looksForExperimental = false
  var failsOnFindings = false
}

enum CheckFlags {
  static let file = Option.value(
    "file", short: "f", "FILE", standard: "Dockerfile of the context", .input,
    "the Dockerfile; - is standard input")
  static let skip = Option.value(
    "skip", "RULE", isRepeatable: true, .build, "leave a rule out; several between commas, or all")
  static let error = Option.flag("error", .build, "exit with 1 when anything is found")
  static let experimental = Option.flag(
    "experimental", .build, "look for what experimental rules find, too")
  static let rules = Option.flag("rules", .display, "list the rules")
  static let format = Option.choice(
    "format", ["text", "json", "sarif", "github"], standard: "text", .display,
    "how findings are printed")

  static let all = [
    file, BuildFlags.buildArgument, BuildFlags.buildContext, SharedOptions.ignoreFile,
    BuildFlags.target, BuildFlags.platform, skip, error, experimental, rules, format,
  ]
}

extension Command {
  static let check = Command(
    path: ["check"], summary: "Looks for mistakes in a Dockerfile.", synopsis: "[CONTEXT|FILE]",
    positionalCount: 0...1, options: CheckFlags.all,
    notes: [
      "CONTEXT is a directory (default: the current one); FILE is a Dockerfile, - standard input.",
      "Nothing is fetched and nothing is built. \"# check=skip=RULE;error=true\" at the top of the "
        + "Dockerfile says the same as the options.",
      "Exit status: 0 checked, 1 something was found and that is an error, or the Dockerfile cannot "
        + "be read, 2 wrong usage.",
    ])
}

extension CheckQuery {
  init(_ arguments: ParsedArguments, _ surroundings: Surroundings) throws(CommandLineError) {
    subject = try Self.subject(arguments, surroundings)
    workingDirectory = surroundings.workingDirectory
    format = arguments.value(of: CheckFlags.format).flatMap(Format.init) ?? .text
    looksForExperimental = arguments.isSet(CheckFlags.experimental)
    failsOnFindings = arguments.isSet(CheckFlags.error)
    for word in arguments.values(of: CheckFlags.skip) {
      for name in word.split(separator: ",").map(String.init) {
        guard name.lowercased() == "all" || Rule.named(name) != nil else {
          throw .conflict(
            "--skip: there is no rule \"\(name)\"",
            help: ruleNear(name).map { "did you mean \($0)?" }
              ?? "\"caisson check --rules\" lists the rules")
        }
        skipped.add(name)
      }
    }
    if case .rules = subject, format != .text, format != .json {
      throw .conflict("--rules are printed as text or json")
    }
  }

  /// `caisson build --check`.
  init(of options: BuildOptions, _ surroundings: Surroundings) throws(CommandLineError) {
    subject = .dockerfile(try Self.local(options))
    workingDirectory = surroundings.workingDirectory
  }

  /// - Throws: When something would have to be fetched or unpacked.
  private static func local(_ options: BuildOptions) throws(CommandLineError) -> BuildOptions {
    guard case .directory = options.context else {
      throw .refused("the check", reason: "it fetches and unpacks nothing: name a directory")
    }
    if case .address = options.dockerfile {
      throw .refused("the check", reason: "it fetches nothing: name a Dockerfile that is here")
    }
    return options
  }

  private static func subject(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> Subject
  {
    if arguments.isSet(CheckFlags.rules) { return .rules }
    let place = arguments.positionals.first ?? "."
    if place == "-" {
      guard !arguments.isPresent(CheckFlags.file) else {
        throw .conflict(
          "- and --file both name a Dockerfile", help: "behind --file, name the context directory")
      }
      try refuseTerminal(surroundings, "- (standard input)")
      var options = try BuildOptions(build: arguments, context: ".", surroundings)
      options.dockerfile = .standardInput
      return .dockerfile(options)
    }
    let options = try local(BuildOptions(build: arguments, context: place, surroundings))
    return arguments.isPresent(CheckFlags.file) ? .dockerfile(options) : .directoryOrFile(options)
  }
}
