// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax

@testable import DockerfileChecks

/// What a check says of a text: `RULE line:column`, all rules looked at.
func found(
  _ text: String, _ options: CheckOptions = CheckOptions(), by rules: String...
) throws -> [String] {
  var selection = RuleSelection()
  selection.experimental = .all
  let file = try Dockerfile(parsing: text)
  return check(CheckedDockerfile(file, options), selection)
    .filter { rules.isEmpty || rules.contains($0.rule) }
    .map { "\($0.rule) \($0.range.start.line):\($0.range.start.column)" }
}

/// The names of the rules that find something, each once, in the order of the lines.
func rules(finding text: String, _ options: CheckOptions = CheckOptions()) throws -> [String] {
  var names: [String] = []
  for name in try found(text, options).compactMap({ $0.split(separator: " ").first }) {
    if !names.contains(String(name)) { names.append(String(name)) }
  }
  return names
}

func ignoring(_ text: String) throws -> CheckOptions {
  CheckOptions(
    ignoreRules: .present(
      try IgnoreFile(parsing: SourceText(name: ".dockerignore", text: text))))
}
