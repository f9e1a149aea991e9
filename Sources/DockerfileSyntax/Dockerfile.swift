// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// A Dockerfile as a list of instructions, each with its place.
///
/// The language is that of `docker/dockerfile:1`; words are not expanded yet.
package struct Dockerfile: Hashable, Sendable {
  package let source: SourceText
  package let directives: Directives
  /// At least one; only `ARG` comes before the first `FROM`.
  package let instructions: [Instruction]
  /// Empty lines inside instructions; of one instruction the first.
  package let emptyContinuations: [SourceRange]
  /// How many lines ``directives`` take.
  private let directiveLineCount: Int

  package static let longestFile = 16 << 20
  /// More than any Dockerfile has; an image holds a few hundred layers.
  package static let mostInstructions = 5_000
  package static let mostLines = 1_000_000
  static let mostWords = 200_000

  /// - Throws: ``DockerfileError``.
  package init(parsing source: SourceText) throws(DockerfileError) {
    try Self.checkText(source)
    let (directives, lineCount) = try Directives.parse(source)
    var reader = LineReader(source: source, escape: directives.escape, line: lineCount)
    var instructions: [Instruction] = []
    while let line = reader.nextLine() {
      let parser = try InstructionParser(line, escape: directives.escape, documents: &reader)
      let instruction = try parser.instruction()
      guard instructions.count < Self.mostInstructions else {
        throw .tooMany("instructions", limit: Self.mostInstructions, at: instruction.keyword.range)
      }
      instructions.append(instruction)
    }
    try Self.checkOrder(instructions)
    self.source = source
    self.directives = directives
    self.instructions = instructions
    self.emptyContinuations = reader.emptyContinuations
    self.directiveLineCount = lineCount
  }

  package init(parsing bytes: [UInt8], name: String) throws(DockerfileError) {
    try self.init(parsing: SourceText(name: name, bytes: bytes))
  }

  package init(parsing text: String, name: String = "Dockerfile") throws(DockerfileError) {
    try self.init(parsing: SourceText(name: name, text: text))
  }

  /// What is behind `AS`, as written.
  package var stageNames: [String] {
    instructions.compactMap { instruction in
      if case .from(let from) = instruction.body { from.name?.text } else { nil }
    }
  }

  /// The diagnostic with this file's name and the lines it is about.
  package func located(_ diagnostic: Diagnostic) -> Diagnostic { source.located(diagnostic) }

  /// The comment on the line before `instruction`, without its mark; nil when another line is there.
  package func comment(above instruction: Instruction) -> String? {
    let index = instruction.range.start.line - 2
    guard index >= directiveLineCount, source.lines.indices.contains(index) else { return nil }
    let text = source.text(ofLine: index).utf8.drop { $0.isBlank }
    guard text.first == UInt8(ascii: "#") else { return nil }
    return String(decoding: text.dropFirst().drop { $0.isBlank }, as: UTF8.self)
  }

  private static func checkText(_ source: SourceText) throws(DockerfileError) {
    guard source.bytes.count <= longestFile else { throw .tooLong(limitInBytes: longestFile) }
    guard source.lines.count <= mostLines else {
      throw .tooMany("lines", limit: mostLines, at: SourceRange(line: mostLines, columns: 1..<1))
    }
    for index in source.lines.indices {
      let line = source.bytes[source.lines[index]]
      guard let offset = line.firstNonText else { continue }
      let column = offset - line.startIndex + 1
      throw .notText(at: SourceRange(line: index + 1, columns: column..<(column + 1)))
    }
  }

  private static func checkOrder(_ instructions: [Instruction]) throws(DockerfileError) {
    guard !instructions.isEmpty else { throw .noInstructions }
    for instruction in instructions {
      switch instruction.body {
      case .from: return
      case .arg: continue
      default:
        throw .instructionBeforeFrom(
          instruction.keyword.text.uppercased(), at: instruction.keyword.range)
      }
    }
  }
}

extension ArraySlice<UInt8> {
  /// Where the first NUL or malformed UTF-8 sequence is.
  fileprivate var firstNonText: Int? {
    if String(validating: self, as: UTF8.self) != nil { return firstIndex(of: 0) }
    var decoder = UTF8()
    var bytes = makeIterator()
    var offset = startIndex
    while true {
      switch decoder.decode(&bytes) {
      case .scalarValue(let scalar) where scalar.value != 0: offset += UTF8.width(scalar)
      case .scalarValue, .error: return offset
      case .emptyInput: return nil
      }
    }
  }
}
