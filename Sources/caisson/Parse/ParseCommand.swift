// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import Glibc
import LinuxSystem
import OCI

/// `caisson parse`: a Dockerfile as JSON.
struct ParseQuery: Hashable, Sendable {
  var file: DockerfileLocation
}

extension Command {
  static let parse = Command(
    path: ["parse"], summary: "Prints the syntax tree of a Dockerfile as JSON.",
    synopsis: "[FILE]", positionalCount: 0...1, options: [],
    notes: [
      "FILE is a Dockerfile (default: Dockerfile), or - for standard input. Variables are not expanded.",
      "Exit status: 0 done, 1 the file cannot be read or is no Dockerfile, 2 wrong usage.",
    ])
}

extension ParseQuery {
  init(_ arguments: ParsedArguments, _ surroundings: Surroundings) throws(CommandLineError) {
    let text = arguments.positionals.first ?? "Dockerfile"
    if text == "-" {
      try refuseTerminal(surroundings, "- (standard input)")
      file = .standardInput
    } else {
      file = .firstOf([.file(surroundings.absolute(text))])
    }
  }

  /// - Parameter name: What messages call the file.
  func source(named name: String) throws -> SourceText {
    guard case .firstOf(let candidates) = file, case .file(let path)? = candidates.first else {
      let bytes = try contents(
        of: FileDescriptor(owning: dup(STDIN_FILENO)), limit: Dockerfile.longestFile)
      return SourceText(name: "-", bytes: bytes)
    }
    let bytes = try opening("the Dockerfile", path) {
      try contents(of: path, limit: Dockerfile.longestFile)
    }
    return SourceText(name: name, bytes: bytes)
  }
}

/// - Returns: The exit code.
func answer(_ query: ParseQuery, named name: String) throws -> Int32 {
  let source = try query.source(named: name)
  do {
    let tree = syntaxTree(try Dockerfile(parsing: source))
    try StandardStream.output.write(try encodeJSON(tree, pretty: true) + [0x0A])
    return ExitCode.success.rawValue
  } catch let error as DockerfileError {
    throw LocatedError(diagnostic: source.located(error.diagnostic))
  }
}
