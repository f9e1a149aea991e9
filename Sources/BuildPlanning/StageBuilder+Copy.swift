// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import OCI

extension StageBuilder {
  mutating func addCopy(
    _ copy: Copy, _ instruction: Instruction, _ name: String, from origin: FileOrigin
  ) throws {
    let written = try nonEmpty(copy.destination, instruction)
    let destination = destination(written)
    guard copy.sources.count == 1 || copy.keepsParents || destination.hasSuffix("/") else {
      throw PlanningError.severalSourcesToFile(written, at: copy.destination.range)
    }
    var step = CopyStep(
      origin: origin, sources: [], destination: destination,
      unpacksArchives: copy.unpacks ?? (name == "ADD"), keepsParents: copy.keepsParents)
    var shownSources: [String] = []
    for source in copy.sources {
      let (resolved, shown) = try resolve(source, copy, instruction, name)
      step.sources.append(resolved)
      shownSources.append(shown)
    }
    step.unpacksRemoteArchives = copy.unpacks == true
    step.owner = try copy.owner.map { try expand($0, instruction) }.flatMap {
      $0.isEmpty ? nil : $0
    }
    let mode = try copy.mode.map { try expand($0, instruction) } ?? ""
    if let word = copy.mode, !mode.isEmpty {
      guard let change = FileMode(mode) else {
        throw PlanningError.invalidMode(mode, at: word.range)
      }
      step.mode = change
    }
    for word in copy.excludes {
      step.excludes.append(
        CopyStep.Exclude(pattern: try nonEmpty(word, instruction), range: word.range))
    }
    let flags = [
      step.owner.map { "--chown=" + $0 }, mode.isEmpty ? nil : "--chmod=" + mode,
      copy.keepsParents ? "--parents" : nil,
    ]
    let rest =
      flags.compactMap { $0 } + step.excludes.map { "--exclude=" + $0.pattern } + shownSources
      + [written]
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

  private func resolve(
    _ source: Copy.Source, _ copy: Copy, _ instruction: Instruction, _ name: String
  ) throws -> (CopyStep.Source, shown: String) {
    switch source {
    case .document(let document):
      let content = try content(document)
      return (.inline(name: document.name, content: Array(content.utf8)), "<<" + document.name)
    case .path(let word):
      let text = try nonEmpty(word, instruction)
      if isRemote(text) {
        guard name == "ADD" else {
          throw PlanningError.copyOfURL(withoutCredentials(text), at: word.range)
        }
        return try remote(text, word, copy, instruction)
      }
      if let checksum = copy.checksum {
        throw PlanningError.flagOfRemoteSources("--checksum", at: checksum.range)
      }
      if copy.keepsGitDirectory == true {
        throw PlanningError.flagOfRemoteSources("--keep-git-dir", at: instruction.range)
      }
      let path = copy.keepsParents ? withPivot(text) : PathBytes(text).normalizedInRoot.description
      return (.path(path, range: word.range), text)
    }
  }

  private func remote(
    _ text: String, _ word: Word, _ copy: Copy, _ instruction: Instruction
  ) throws -> (CopyStep.Source, shown: String) {
    let shown = withoutCredentials(text)
    if let checksum = copy.checksum, copy.sources.count > 1 {
      throw PlanningError.checksumOfSeveralSources(at: checksum.range)
    }
    let checksum = try copy.checksum.map { try expand($0, instruction) }
    let found: GitRepository?
    do {
      found = try GitRepository(text)
    } catch {
      throw PlanningError.invalidGitAddress(shown, error, at: word.range)
    }
    guard var git = found else {
      guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
        throw PlanningError.unknownScheme(shown, at: word.range)
      }
      var file = RemoteFile(url: text)
      if let checksum, let range = copy.checksum?.range {
        guard let digest = Digest(checksum) else {
          throw PlanningError.invalidChecksum(
            checksum,
            expected: "sha256:, sha384: or sha512: and its hexadecimal digits in small letters",
            at: range)
        }
        file.checksum = digest
      }
      return (.remote(file, range: word.range), shown)
    }
    if let checksum { git.checksum = checksum }
    if let expected = git.checksum {
      let isCommit =
        (7...64).contains(expected.utf8.count)
        && expected.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
      guard isCommit else {
        throw PlanningError.invalidChecksum(
          expected, expected: "the commit's hexadecimal digits, seven or more",
          at: copy.checksum?.range ?? word.range)
      }
    }
    let keeps = scope.given["BUILDKIT_CONTEXT_KEEP_GIT_DIR"].map { $0 == "1" || $0 == "true" }
    git.keepsGitDirectory = copy.keepsGitDirectory ?? (git.keepsGitDirectory || keeps ?? false)
    return (.git(git, range: word.range), shown)
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

  /// The path cleaned on both sides of the first `/./`, which stays.
  private func withPivot(_ text: String) -> String {
    var parts = text.split(separator: "/", omittingEmptySubsequences: false)[...]
    guard let pivot = parts.dropFirst().firstIndex(of: "."), pivot < parts.endIndex - 1 else {
      return PathBytes(text).normalizedInRoot.description
    }
    let before = PathBytes(parts[..<pivot].joined(separator: "/")).normalizedInRoot.description
    parts = parts[(pivot + 1)...]
    let behind = PathBytes(parts.joined(separator: "/")).normalizedInRoot.description
    return before + "/./" + behind
  }
}
