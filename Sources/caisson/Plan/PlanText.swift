// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import OCI

/// A plan for people.
func planText(_ plan: BuildPlan) -> String {
  var lines: [String] = []
  for stage in plan.stages {
    lines += stageLines(stage, isTarget: plan.targets.contains(stage.id))
    lines.append("")
  }
  return lines.dropLast().joined(separator: "\n") + "\n"
}

private func stageLines(_ stage: Stage, isTarget: Bool) -> [String] {
  let name = stage.name.map { " \"\(plain($0))\"" } ?? ""
  let base =
    switch stage.base {
    case .scratch: "nothing"
    case .image(let image): "\(plain(image.request.name)) (\(image.digest.short))"
    case .stage(let id): "stage \(id)"
    }
  var lines = [
    "stage \(stage.id)\(name) for \(stage.platform), on \(base)\(isTarget ? ", the result" : "")"
  ]
  let width = String(stage.steps.count).count
  for (number, step) in stage.steps.enumerated() {
    let position = String(repeating: " ", count: width - String(number + 1).count) + "\(number + 1)"
    lines.append("  \(position)  \(plain(step.text))")
    lines += details(step).map { "     " + String(repeating: " ", count: width) + plain($0) }
  }
  if isTarget { lines += ["  configuration"] + configurationLines(stage.configuration) }
  return lines
}

private func details(_ step: Step) -> [String] {
  switch step.action {
  case .configure, .makeWorkingDirectory: []
  case .copy(let copy): copy.origin == .context ? [] : ["from \(copy.origin)"]
  case .run(let run):
    (run.user.isEmpty ? [] : ["as \(run.user)"])
      + (run.workingDirectory == "/" ? [] : ["in \(run.workingDirectory)"])
      + (run.network == .none ? ["without network"] : [])
      + run.mounts.map { "mount \($0.summary)" }
  }
}

extension RunMount {
  fileprivate var summary: String {
    let what =
      switch content {
      case .files(let origin, let path): "/\(path) of \(origin)"
      case .cache(let cache): "cache \"\(cache.id)\" (\(cache.sharing.rawValue))"
      case .temporary(let size): "tmpfs" + (size.map { " of \($0) bytes" } ?? "")
      case .secret(let id, let isRequired, let variable):
        "secret \"\(id)\"" + (variable.map { " as $\($0)" } ?? "")
          + (isRequired ? ", required" : "")
      case .agent(let id, let isRequired): "SSH agent \"\(id)\"" + (isRequired ? ", required" : "")
      }
    return (target.map { "\($0): " } ?? "") + what + (isReadOnly ? "" : ", writable")
  }
}

private func configurationLines(_ configuration: ImageConfiguration) -> [String] {
  let config = configuration.config
  var rows: [(String, String)] = []
  if !config.user.isEmpty { rows.append(("User", config.user)) }
  if !config.workingDirectory.isEmpty { rows.append(("WorkingDir", config.workingDirectory)) }
  rows += config.environment.map { ("Env", $0) }
  if let entrypoint = config.entrypoint { rows.append(("Entrypoint", list(entrypoint))) }
  if let command = config.command { rows.append(("Cmd", list(command))) }
  if let shell = config.shell { rows.append(("Shell", list(shell))) }
  rows += config.exposedPorts.sorted().map { ("ExposedPorts", $0) }
  rows += config.volumes.sorted().map { ("Volumes", $0) }
  rows += config.labels.sorted { $0.key < $1.key }.map { ("Labels", "\($0.key)=\($0.value)") }
  if let signal = config.stopSignal { rows.append(("StopSignal", signal)) }
  if let test = config.healthcheck?.test { rows.append(("Healthcheck", list(test))) }
  rows += config.onBuild.map { ("OnBuild", $0) }
  return rows.map { "    \(padded($0.0, to: 14))\(plain($0.1))" }
}

private func list(_ words: [String]) -> String {
  "["
    + words.map { "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"" }
    .joined(separator: ", ") + "]"
}

/// On one line, and harmless to a terminal.
private func plain(_ text: String) -> String {
  plainText(text.replacing("\n", with: "\\n").utf8)
}
