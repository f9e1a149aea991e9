// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Reads one instruction from its logical line.
struct InstructionParser {
  let line: LogicalLine
  let escape: UInt8
  let keyword: Word
  /// The keyword in capitals.
  let name: String
  let flags: FlagValues
  /// What follows keyword and flags, without blanks at either end.
  let arguments: Range<Int>
  let documents: [HereDocument]
  private let whole: Range<Int>
  /// `ONBUILD`: what it keeps.
  private let trigger: Trigger?

  static let keywords = [
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
  ]

  static let untriggerable = ["FROM", "ONBUILD", "MAINTAINER"]

  /// - Parameter reader: Here-documents of the line are taken from it.
  init(_ line: LogicalLine, escape: UInt8, documents reader: inout LineReader)
    throws(DockerfileError)
  {
    try self.init(line, 0..<line.count, escape: escape, documents: &reader)
  }

  private init(
    _ line: LogicalLine, _ offsets: Range<Int>, escape: UInt8,
    documents reader: inout LineReader
  ) throws(DockerfileError) {
    self.line = line
    self.escape = escape
    whole = line.trimmed(offsets)
    let (first, rest) = line.splitFirst(whole)
    keyword = line.word(first)
    name = keyword.text.uppercased()
    guard Self.keywords.contains(name) else {
      throw .unknownInstruction(
        keyword.text, near: nearest(to: name, among: Self.keywords), at: keyword.range)
    }
    try Self.checkLength(line, rest, keyword)
    let (flags, arguments) = Self.splitFlags(line, rest, escape: escape)
    self.flags = try FlagValues(flags, of: name)
    self.arguments = arguments
    if name == "ONBUILD" {
      guard !arguments.isEmpty else {
        throw .missingArguments(name, usage: Self.usage(name), at: keyword.range)
      }
      trigger = try Self.trigger(line, arguments, escape: escape, documents: &reader)
      documents = []
    } else {
      trigger = nil
      documents = try Self.documents(line, arguments, of: name, escape: escape, &reader)
    }
  }

  /// A word is not shorter than a byte and a blank, or than the quotes and the comma around it.
  private static func checkLength(_ line: LogicalLine, _ offsets: Range<Int>, _ keyword: Word)
    throws(DockerfileError)
  {
    // A command is one word, however long.
    guard offsets.count > 2 * Dockerfile.mostWords,
      !["RUN", "MAINTAINER"].contains(keyword.text.uppercased())
        || line.bytes[offsets].first == UInt8(ascii: "[")
    else { return }
    var count = 0
    var isInWord = false
    for byte in line.bytes[offsets] {
      let isBlank = byte.isBlank || byte == UInt8(ascii: ",")
      if !isBlank, !isInWord { count += 1 }
      isInWord = !isBlank
    }
    guard count <= Dockerfile.mostWords else {
      throw .tooMany("words in one instruction", limit: Dockerfile.mostWords, at: keyword.range)
    }
  }

  /// The words that begin with two dashes; `--` alone ends them.
  private static func splitFlags(_ line: LogicalLine, _ offsets: Range<Int>, escape: UInt8)
    -> ([Flag], Range<Int>)
  {
    var flags: [Flag] = []
    var rest = line.trimmed(offsets)
    while line.bytes[rest].starts(with: "--".utf8) {
      let end = line.endOfQuotedWord(rest, escape: escape)
      let word = line.word(rest.lowerBound..<end)
      rest = line.trimmed(end..<rest.upperBound)
      if word.text == "--" { break }
      flags.append(Flag(word))
    }
    return (flags, rest)
  }

  private static func documents(
    _ line: LogicalLine, _ offsets: Range<Int>, of name: String, escape: UInt8,
    _ reader: inout LineReader
  ) throws(DockerfileError) -> [HereDocument] {
    guard ["RUN", "COPY", "ADD"].contains(name) else { return [] }
    var documents: [HereDocument] = []
    for word in line.quotedWords(offsets, escape: escape) {
      guard let marker = HereDocument.Marker(word) else { continue }
      documents.append(try reader.document(marker))
    }
    return documents
  }

  private static func trigger(
    _ line: LogicalLine, _ offsets: Range<Int>, escape: UInt8, documents reader: inout LineReader
  ) throws(DockerfileError) -> Trigger {
    // Before the parser calls itself, so that it does so once.
    let keyword = line.word(line.splitFirst(offsets).first)
    guard !untriggerable.contains(keyword.text.uppercased()) else {
      throw .invalidTrigger(keyword.text.uppercased(), at: keyword.range)
    }
    let inner = try InstructionParser(line, offsets, escape: escape, documents: &reader)
    // What is wrong with a trigger is said now, not when somebody builds on the image.
    let checked = try inner.instruction()
    let text = inner.documents.reduce(line.text(offsets)) { $0 + "\n" + $1.rawContent + $1.name }
    return Trigger(text: text, range: checked.range)
  }

  func instruction() throws(DockerfileError) -> Instruction {
    Instruction(
      body: try body(), keyword: keyword,
      text: line.words(whole).map(\.text).joined(separator: " "), range: line.range(whole),
      escape: escape)
  }

  private func body() throws(DockerfileError) -> Instruction.Body {
    if let trigger { return .onBuild(trigger) }
    guard !arguments.isEmpty else { throw missingArguments }
    return switch name {
    case "FROM": .from(try from())
    case "ARG": .arg(try argumentList())
    case "ENV": .env(try assignments())
    case "LABEL": .label(try assignments())
    case "RUN": .run(try run())
    case "COPY": .copy(try copy())
    case "ADD": .add(try copy())
    case "WORKDIR": .workdir(line.word(arguments))
    case "USER": .user(line.word(arguments))
    case "EXPOSE": .expose(line.words(arguments))
    case "VOLUME": .volume(try volumes())
    case "CMD": .cmd(try commandLine(arguments))
    case "ENTRYPOINT": .entrypoint(try commandLine(arguments))
    case "SHELL": .shell(try shell())
    case "STOPSIGNAL": .stopSignal(try singleWord())
    case "HEALTHCHECK": .healthcheck(try healthcheck())
    default: .maintainer(line.word(arguments))
    }
  }

  var missingArguments: DockerfileError {
    .missingArguments(name, usage: Self.usage(name), at: keyword.range)
  }

  func surplusArguments(_ words: ArraySlice<Word>) -> DockerfileError {
    let place = words.first?.range ?? keyword.range
    return .surplusArguments(name, usage: Self.usage(name), at: place)
  }

  static func usage(_ name: String) -> String {
    switch name {
    case "FROM": "FROM [--platform=PLATFORM] IMAGE [AS NAME]"
    case "ARG": "ARG NAME[=DEFAULT] ..."
    case "ENV", "LABEL": "\(name) KEY=VALUE ..."
    case "COPY", "ADD": "\(name) SOURCE ... DESTINATION"
    case "EXPOSE": "EXPOSE PORT[/PROTOCOL] ..."
    case "VOLUME": "VOLUME PATH ..."
    case "WORKDIR": "WORKDIR PATH"
    case "USER": "USER NAME[:GROUP]"
    case "SHELL": "SHELL [\"PROGRAM\", \"ARGUMENT\"]"
    case "STOPSIGNAL": "STOPSIGNAL SIGNAL"
    case "HEALTHCHECK": "HEALTHCHECK [OPTIONS] CMD COMMAND, or HEALTHCHECK NONE"
    case "ONBUILD": "ONBUILD INSTRUCTION"
    case "MAINTAINER": "MAINTAINER NAME"
    default: "\(name) COMMAND, or \(name) [\"PROGRAM\", \"ARGUMENT\"]"
    }
  }
}

extension Instruction {
  /// Reads a trigger that an image carries.
  ///
  /// - Parameter range: The `FROM` that brought it; every place in the instruction is that one.
  /// - Throws: ``DockerfileError``.
  package init(trigger text: String, at range: SourceRange) throws(DockerfileError) {
    guard !text.utf8.contains(0) else { throw .brokenTrigger(text, at: range) }
    let escape = UInt8(ascii: "\\")
    var reader = LineReader(
      source: SourceText(name: "", text: text), escape: escape, line: 0, at: range)
    guard let line = reader.nextLine() else { throw .brokenTrigger(text, at: range) }
    let parser = try InstructionParser(line, escape: escape, documents: &reader)
    guard !InstructionParser.untriggerable.contains(parser.name) else {
      throw .invalidTrigger(parser.name, at: range)
    }
    self = try parser.instruction()
    guard reader.nextLine() == nil else { throw .brokenTrigger(text, at: range) }
  }
}
