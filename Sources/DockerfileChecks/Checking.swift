// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax

/// What is found in a Dockerfile, in the order of its lines.
package func check(
  _ dockerfile: CheckedDockerfile, _ selection: RuleSelection, among rules: [Rule] = Rule.all
) -> [Finding] {
  rules.filter(selection.includes).flatMap { $0.findings(in: dockerfile) }
    .sorted { ($0.range.start, $0.rule) < ($1.range.start, $1.rule) }
}
