// SPDX-License-Identifier: Apache-2.0

/// What the program is to do.
enum Invocation: Hashable, Sendable {
  case build(BuildOptions)
  case image(ImageQuery)
  case index(IndexQuery)
  case doctor(DoctorQuery)
  case parse(ParseQuery, name: String)
  case plan(PlanQuery)
  case check(CheckQuery)
  /// Prints this text to standard output.
  case print(String)

  /// - Parameter words: The command line, program name first.
  init(_ words: [String], _ surroundings: Surroundings) throws(CommandLineError) {
    var words = words[...]
    let program = words.popFirst()?.split(separator: "/").last.map(String.init)
    if program == "executor" || program == "warmer", let program { words = [program] + words }
    guard let first = words.first else {
      self = .print(overviewText())
      return
    }
    switch first {
    case "--help", "-h": self = .print(overviewText())
    case "--version": self = .print(versionText)
    case "warmer": throw .notYet("the command \"warmer\"")
    case "image" where words.count == 1 || words.dropFirst().first?.hasPrefix("-") == true:
      self = .print(groupText("image"))
    case "executor" where words.dropFirst().first == "version":
      self = .print("Kaniko version :  \(programVersion)\n")
    case "executor" where ["login", "push"].contains(words.dropFirst().first):
      throw .notYet("the command \"\(words.prefix(2).joined(separator: " "))\"")
    default: try self.init(command: try command(words), words, surroundings)
    }
  }

  private init(command: Command, _ words: ArraySlice<String>, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    let arguments = try ParsedArguments(Array(words.dropFirst(command.path.count)), of: command)
    if arguments.asksForHelp {
      self = .print(helpText(for: command))
    } else if command == .build {
      let options = try BuildOptions(build: arguments, surroundings)
      let isCheck = arguments.isSet(BuildFlags.check)
      self = isCheck ? .check(try CheckQuery(of: options, surroundings)) : .build(options)
    } else if command == .check {
      self = .check(try CheckQuery(arguments, surroundings))
    } else if command == .executor {
      self = .build(try BuildOptions(executor: arguments, surroundings))
    } else if command == .doctor {
      self = .doctor(try DoctorQuery(arguments, surroundings))
    } else if command == .parse {
      self = .parse(
        try ParseQuery(arguments, surroundings), name: arguments.positionals.first ?? "Dockerfile")
    } else if command == .plan {
      self = .plan(try PlanQuery(arguments, surroundings))
    } else if command.path.starts(with: ["image", "index"]) {
      self = .index(try IndexQuery(command, arguments, surroundings))
    } else if command == .version {
      self = .print(versionText)
    } else if command == .help {
      self = .print(try explanation(of: arguments.positionals))
    } else {
      self = .image(try ImageQuery(command, arguments, surroundings))
    }
  }
}

let programVersion = "0.1.0"
private let versionText = "caisson \(programVersion)\n"

private func command(_ words: ArraySlice<String>) throws(CommandLineError) -> Command {
  let words = Array(words.prefix(3))
  if let found = Command.all.first(where: { words.starts(with: $0.path) }) { return found }
  let isGroup =
    words.count >= 2 && Command.all.contains { $0.path.count > 1 && $0.path[0] == words[0] }
  let isIndex = words.starts(with: ["image", "index"])
  let name = isGroup ? words.prefix(isIndex ? 3 : 2).joined(separator: " ") : words.first ?? ""
  throw .unknownCommand(name, near: nearestName(to: name, among: Command.all.map(\.name)))
}

private func explanation(of words: [String]) throws(CommandLineError) -> String {
  if words.isEmpty { return overviewText() }
  if words == ["image"] { return groupText("image") }
  return helpText(for: try command(words[...]))
}

private func groupText(_ name: String) -> String {
  Command.all.filter { $0.path.first == name }
    .map { "caisson \(padded($0.name, to: 16))\($0.summary)\n" }.joined()
}
