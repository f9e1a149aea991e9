// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import LinuxSystem
import OCI

/// Checks a Dockerfile and writes what was found to standard output.
///
/// - Returns: The exit code.
func answer(_ query: CheckQuery) throws -> Int32 {
  guard let report = try checkReport(query) else {
    try StandardStream.output.write(
      try query.format == .json ? ruleListJSON() : Array(ruleTable().utf8))
    return ExitCode.success.rawValue
  }
  for warning in report.warnings { StandardStream.error.show(warning.rendered() + "\n") }
  try StandardStream.output.write(try report.encoded(as: query.format))
  return report.isFailure ? ExitCode.failure.rawValue : ExitCode.success.rawValue
}

/// A place that is a file is the Dockerfile; its directory is the context then.
private func settled(_ options: BuildOptions) -> BuildOptions {
  guard case .directory(let path) = options.context,
    let status = try? FileStatus(of: path, followLinks: true), status.kind != .directory
  else { return options }
  var options = options
  options.context = .directory(path.parent)
  options.dockerfile = .firstOf([.file(path)])
  return options
}

/// - Returns: Nil when the question is about the rules.
func checkReport(_ query: CheckQuery) throws -> CheckReport? {
  switch query.subject {
  case .rules: nil
  case .dockerfile(let options): try checkReport(query, options)
  case .directoryOrFile(let options): try checkReport(query, settled(options))
  }
}

private func checkReport(_ query: CheckQuery, _ options: BuildOptions) throws -> CheckReport {
  guard case .directory(let place) = options.context,
    let inputs = try BuildInputs(options, in: try BuildInputs.directory(place))
  else { preconditionFailure("a check whose files are not here was refused before") }
  let source = SourceText(
    name: inputs.dockerfilePath.map { name(of: $0, from: query.workingDirectory) }
      ?? inputs.dockerfile.name, bytes: inputs.dockerfile.bytes)
  do {
    let dockerfile = try Dockerfile(parsing: source)
    var selection = try RuleSelection(directive: dockerfile.directives.check)
    selection.skipped.add(query.skipped)
    if query.looksForExperimental { selection.experimental = .all }
    if query.failsOnFindings { selection.failsOnFindings = true }
    // Of a Dockerfile alone, nobody knows what else would be sent along.
    let ignoreRules: CheckOptions.IgnoreRules =
      inputs.ignoreFile.map { .present($0) } ?? (query.contextIsGuessed ? .unknown : .absent)
    let findings = options.findings(in: dockerfile, selection, ignoring: ignoreRules)
    return CheckReport(
      source: source, findings: findings, warnings: selection.warnings.map(source.located),
      failsOnFindings: selection.failsOnFindings)
  } catch let error as any DiagnosticConvertible {
    throw LocatedError(diagnostic: source.located(error.diagnostic))
  }
}

/// Short when it lies below `directory`.
private func name(of path: PathBytes, from directory: PathBytes) -> String {
  let parts = path.components.filter { $0 != "." }
  let above = directory.components.filter { $0 != "." }
  guard path.isAbsolute, parts.starts(with: above), parts.count > above.count,
    !parts.contains("..")
  else { return path.description }
  return PathBytes(joining: parts.dropFirst(above.count)).description
}

extension CheckQuery {
  fileprivate var contextIsGuessed: Bool {
    switch subject {
    case .directoryOrFile(let options):
      if case .directory(let path) = options.context {
        (try? FileStatus(of: path, followLinks: true))?.kind != .directory
      } else {
        true
      }
    case .dockerfile(let options): options.dockerfile == .standardInput
    case .rules: true
    }
  }
}

extension BuildOptions {
  /// What rules find on any of the platforms of the build, each thing once.
  ///
  /// - Parameter environments: The variables of base images, by name.
  func findings(
    in dockerfile: Dockerfile, _ selection: RuleSelection,
    ignoring ignoreRules: CheckOptions.IgnoreRules, environments: [String: Set<String>] = [:],
    among rules: [Rule] = Rule.all
  ) -> [Finding] {
    let options = platforms.map { platform in
      CheckOptions(
        buildArguments: buildArguments, target: target, platform: platform,
        namedContexts: Set(namedContexts.keys), ignoreRules: ignoreRules,
        imageEnvironments: environments)
    }
    var seen: Set<Finding> = []
    return options.flatMap { check(CheckedDockerfile(dockerfile, $0), selection, among: rules) }
      .filter { seen.insert($0).inserted }
      .sorted { ($0.range.start, $0.rule) < ($1.range.start, $1.rule) }
  }
}
