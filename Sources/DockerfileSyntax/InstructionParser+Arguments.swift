// SPDX-License-Identifier: Apache-2.0

import Diagnostics

extension InstructionParser {
  func from() throws(DockerfileError) -> From {
    let words = line.words(arguments)
    var from = From(platform: flags["--platform"], image: words[0])
    guard words.count > 1 else { return from }
    guard words[1].text.lowercased() == "as" else { throw surplusArguments(words[1...]) }
    guard words.count > 2 else { throw missingArguments }
    guard words.count == 3 else { throw surplusArguments(words[3...]) }
    guard Self.isStageName(words[2].text) else {
      throw .invalidStageName(words[2].text, at: words[2].range)
    }
    from.nameKeyword = words[1]
    from.name = words[2]
    return from
  }

  private static func isStageName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return bytes.first?.isASCIILetter == true
      && bytes.allSatisfy { $0.isASCIILetter || "0123456789-_.".utf8.contains($0) }
  }

  func argumentList() throws(DockerfileError) -> [Argument] {
    var list: [Argument] = []
    for word in line.quotedWords(arguments, escape: escape) {
      let (name, value) = word.splitAtEquals()
      guard !name.text.isEmpty else { throw .emptyName(self.name, at: word.range) }
      list.append(Argument(name: name, value: value))
    }
    return list
  }

  /// `KEY=value ...`, or the old `KEY value` whose value goes on to the end of the line.
  func assignments() throws(DockerfileError) -> [Assignment] {
    let words = line.quotedWords(arguments, escape: escape)
    guard words[0].text.utf8.contains(UInt8(ascii: "=")) else { return [try oldAssignment()] }
    var list: [Assignment] = []
    for word in words {
      guard case (let key, let value?) = word.splitAtEquals() else {
        throw .malformedAssignment(name, word.text, at: word.range)
      }
      guard !key.text.isEmpty else { throw .emptyName(name, at: word.range) }
      list.append(Assignment(key: key, value: value))
    }
    return list
  }

  private func oldAssignment() throws(DockerfileError) -> Assignment {
    let (first, rest) = line.splitFirst(arguments)
    guard !rest.isEmpty else {
      throw .malformedAssignment(name, line.text(first), at: line.range(first))
    }
    return Assignment(key: line.word(first), value: line.word(rest))
  }

  func commandLine(_ offsets: Range<Int>) throws(DockerfileError) -> CommandLine {
    guard let words = try execForm(offsets) else { return .shell(line.word(offsets)) }
    return .exec(words)
  }

  /// - Returns: Nil when the text is no JSON array.
  private func execForm(_ offsets: Range<Int>) throws(DockerfileError) -> [Word]? {
    switch ExecForm(line, offsets) {
    case .notJSON: return nil
    case .notStrings(let range): throw .notStrings(name, at: range)
    case .strings(let words): return words
    }
  }

  func run() throws(DockerfileError) -> Run {
    let command = try commandLine(arguments)
    if case .exec(let words) = command {
      guard !words.isEmpty else { throw missingArguments }
    }
    var mounts: [MountFlag] = []
    for word in flags.all("--mount") { mounts.append(try MountFlag(word)) }
    if let network = flags["--network"], !["default", "none", "host"].contains(network.text) {
      throw .invalidFlagValue(
        network.text, flag: "--network", expected: "default, none or host", at: network.range)
    }
    if let security = flags["--security"], !["sandbox", "insecure"].contains(security.text) {
      throw .invalidFlagValue(
        security.text, flag: "--security", expected: "sandbox", at: security.range)
    }
    return Run(
      command: command, documents: documents, mounts: mounts, network: flags["--network"],
      security: flags["--security"], devices: flags.all("--device"))
  }

  func copy() throws(DockerfileError) -> Copy {
    let words = try execForm(arguments) ?? line.words(arguments)
    guard words.count > 1, let destination = words.last else { throw missingArguments }
    guard HereDocument.Marker(destination) == nil else {
      throw .documentAsDestination(at: destination.range)
    }
    let from = flags["--from"]
    if let from, from.text.utf8.contains(UInt8(ascii: "$")) {
      throw .variableInFlag("--from", at: from.range)
    }
    var copy = Copy(
      from: from, owner: flags["--chown"], mode: flags["--chmod"],
      keepsParents: flags.isOn("--parents") ?? false, excludes: flags.all("--exclude"),
      checksum: flags["--checksum"], keepsGitDirectory: flags.isOn("--keep-git-dir"),
      unpacks: flags.isOn("--unpack"), sources: [], destination: destination)
    var rest = documents[...]
    for word in words.dropLast() { copy.sources.append(try source(word, &rest)) }
    return copy
  }

  /// - Parameter documents: Those of the words behind; the first is taken when the word asks for it.
  private func source(_ word: Word, _ documents: inout ArraySlice<HereDocument>)
    throws(DockerfileError) -> Copy.Source
  {
    guard let document = documents.first, document.marker == word.text else { return .path(word) }
    documents.removeFirst()
    guard document.name != ".", document.name != "..", !document.name.contains("/") else {
      throw .invalidDocumentName(document.name, at: word.range)
    }
    return .document(document)
  }

  func volumes() throws(DockerfileError) -> [Word] {
    let words = try execForm(arguments) ?? line.words(arguments)
    guard !words.isEmpty else { throw missingArguments }
    return words
  }

  func shell() throws(DockerfileError) -> [Word] {
    guard let words = try execForm(arguments) else {
      throw .expectedExecForm(name, at: line.range(arguments))
    }
    guard !words.isEmpty else { throw missingArguments }
    return words
  }

  func singleWord() throws(DockerfileError) -> Word {
    let words = line.words(arguments)
    guard words.count == 1 else { throw surplusArguments(words[1...]) }
    return words[0]
  }
}

extension Word {
  /// What is before and behind the first equals sign.
  func splitAtEquals() -> (name: Word, value: Word?) {
    guard let index = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (self, nil) }
    var name = Word(text: String(text[..<index]), range: range)
    var value = Word(text: String(text[index...].dropFirst()), range: range)
    let length = name.text.utf8.count
    if range.start.line == range.end.line,
      range.end.column - range.start.column == text.utf8.count
    {
      name.range.end.column = range.start.column + length
      value.range.start.column += length + 1
    }
    return (name, value)
  }
}
