// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileChecks
import DockerfileSyntax
import Images

/// Warns of what BuildKit's rules find, as `docker build` does.
///
/// - Parameter images: The base images the plan asked for; what they set is known.
/// - Throws: ``FindingsError`` when the Dockerfile wants no findings, or what is wrong with its
///   directive.
func warnOfFindings(
  _ dockerfile: Dockerfile, _ options: BuildOptions, ignoring ignoreFile: IgnoreFile?,
  _ images: [BaseImageRequest: ResolvedImage], _ progress: ProgressReporter
) throws {
  let selection = try RuleSelection(directive: dockerfile.directives.check)
  let environments = images.map { request, resolved in
    (
      request.name,
      Set(
        resolved.image.configuration.config.environment.map { assignment in
          String(assignment.prefix { $0 != "=" })
        })
    )
  }
  let findings = options.findings(
    in: dockerfile, selection, ignoring: ignoreFile.map { .present($0) } ?? .absent,
    environments: Dictionary(environments, uniquingKeysWith: { $0.intersection($1) }),
    among: Rule.all.filter { $0.origin == .buildKit })
  for warning in selection.warnings + findings.map(\.diagnostic) {
    progress.post(.warning(dockerfile.located(warning)))
  }
  // kaniko's users build with directives that kaniko does not read.
  if selection.failsOnFindings, !findings.isEmpty, options.command == .build {
    throw FindingsError(rules: findings.map(\.rule))
  }
}

/// A Dockerfile with `# check=error=true` in which something was found.
struct FindingsError: DiagnosticConvertible {
  /// Of each finding.
  var rules: [String]

  var diagnostic: Diagnostic {
    Diagnostic(
      "\(findingCount(rules.count)), and the Dockerfile's check directive makes that an error",
      notes: ["found by " + Set(rules).sorted().joined(separator: ", ")],
      help: "change what the warnings are about, or skip their rules: # check=skip=RULE")
  }
}

func findingCount(_ count: Int) -> String { count == 1 ? "1 finding" : "\(count) findings" }
