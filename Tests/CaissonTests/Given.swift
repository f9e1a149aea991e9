// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

@testable import caisson

/// A machine to parse options on: `/src/app` is the working directory, nobody's terminal.
let machine = Surroundings(
  environment: ["HOME": "/home/ada", "TOKEN": "from-environment"], workingDirectory: "/src/app",
  isRoot: false)

/// The options a command line means; the first word is the command.
func buildOptions(_ line: String, _ surroundings: Surroundings = machine) throws -> BuildOptions? {
  let words = ["caisson"] + line.split(separator: " ").map(String.init)
  if case .build(let options) = try Invocation(words, surroundings) { return options }
  return nil
}

/// What is said of a command line that is wrong.
func complaint(_ line: String, _ surroundings: Surroundings = machine) -> String? {
  do {
    _ = try Invocation(
      ["caisson"] + line.split(separator: " ").map(String.init), surroundings)
    return nil
  } catch {
    let diagnostic = error.diagnostic
    return diagnostic.message + (diagnostic.help.map { " | \($0)" } ?? "")
  }
}
