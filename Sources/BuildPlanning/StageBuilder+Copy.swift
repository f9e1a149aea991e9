// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import OCI

extension StageBuilder {
  mutating func addCopy(
    _ copy: Copy, _ instruction: Instruction, _ name: String, from origin: CopyStep.Origin
  ) throws {
    let written = try nonEmpty(copy.destination, instruction)
    let destination = destination(written)
    guard copy.sources.count == 1 || destination.hasSuffix("/") else {
      throw PlanningError.severalSourcesToFile(written, at: copy.destination.range)
    }
    var step = CopyStep(
      origin: origin, sources: [], destination: destination, unpacksArchives: name == "ADD")
    var shownSources: [String] = []
    for source in copy.sources {
      let (resolved, shown) = try resolve(source, instruction, name)
      step.sources.append(resolved)
      shownSources.append(shown)
    }
    step.owner = try copy.owner.map { try expand($0, instruction) }.flatMap {
      $0.isEmpty ? nil : $0
    }
    let mode = try copy.mode.map { try expand($0, instruction) } ?? ""
    if let word = copy.mode, !mode.isEmpty { step.mode = try fileMode(mode, word, name) }
    let flags = [step.owner.map { "--chown=" + $0 }, mode.isEmpty ? nil : "--chmod=" + mode]
    let rest = flags.compactMap { $0 } + shownSources + [written]
    let from = copy.from.map { ["--from=" + $0.text] } ?? []
    add(
      .copy(step), for: instruction, text: ([name] + from + rest).joined(separator: " "),
      createdBy: ([name] + rest).joined(separator: " "))
  }

  /// Below the working directory; a slash at the end says that it is a directory.
  private func destination(_ text: String) -> String {
    let path = absolutePath(text, below: workingDirectory)
    let last = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let isDirectory = ["", ".", ".."].contains(last)
    return isDirectory && path != "/" ? path + "/" : path
  }

  private func resolve(_ source: Copy.Source, _ instruction: Instruction, _ name: String) throws
    -> (CopyStep.Source, shown: String)
  {
    switch source {
    case .document(let document):
      let content = try content(document)
      return (.inline(name: document.name, content: Array(content.utf8)), "<<" + document.name)
    case .path(let word):
      let text = try nonEmpty(word, instruction)
      if isRemote(text) {
        guard name == "ADD" else { throw PlanningError.copyOfURL(text, at: word.range) }
        throw DockerfileError.notCarriedOut("ADD of the remote source \"\(text)\"", at: word.range)
      }
      return (.path(PathBytes(text).normalizedInRoot.description, range: word.range), text)
    }
  }

  private func content(_ document: HereDocument) throws(DockerfileError) -> String {
    guard document.expands else { return document.content }
    let expansion = Expansion(variables: variables.values, quotes: .ordinary)
    do {
      return try expansion.expand(document.content)
    } catch {
      throw .expansion(error, at: document.range)
    }
  }

  private func isRemote(_ text: String) -> Bool {
    text.hasPrefix("git@")
      || ["http", "https", "git", "ssh", "ftp"].contains { text.hasPrefix($0 + "://") }
  }

  private func fileMode(_ text: String, _ word: Word, _ name: String) throws -> UInt32 {
    let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    if isNumber, let mode = UInt32(text, radix: 8), mode <= 0o7777 { return mode }
    let isSymbolic = !isNumber && text.utf8.allSatisfy { "ugoarwxXst+-=,".utf8.contains($0) }
    guard isSymbolic else { throw PlanningError.invalidMode(text, at: word.range) }
    throw DockerfileError.notCarriedOut("\(name) --chmod with the mode \"\(text)\"", at: word.range)
  }
}
