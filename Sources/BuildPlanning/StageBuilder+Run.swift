// SPDX-License-Identifier: Apache-2.0

import DockerfileSyntax
import OCI

extension StageBuilder {
  /// - Parameter origins: What each `from` of its mounts means.
  mutating func addRun(
    _ run: Run, _ instruction: Instruction, origins: [String: FileOrigin]
  ) throws {
    let command = command(run)
    try refuseUnsafe(run)
    let step = RunStep(
      command: command, environment: runEnvironment, workingDirectory: workingDirectory,
      user: configuration.config.user,
      mounts: try mounts(run, instruction, origins: origins),
      network: network(run))
    add(
      .run(step), for: instruction, text: instruction.text + summary(run.documents),
      createdBy: createdBy(command))
  }

  private func network(_ run: Run) -> RunNetwork {
    switch run.network?.text {
    case "none": .none
    case "host": .host
    default: scope.network
    }
  }

  private func refuseUnsafe(_ run: Run) throws(PlanningError) {
    if let security = run.security, security.text == "insecure" {
      throw .refusedRunFlag(
        "--security=insecure", reason: "no command is given more rights than the builder has",
        at: security.range)
    }
    if let device = run.devices.first {
      throw .refusedRunFlag(
        "--device", reason: "devices of the machine are not handed to commands", at: device.range)
    }
  }

  private func command(_ run: Run) -> RunStep.Command {
    switch run.command {
    case .exec(let words): return .arguments(words.map(\.text))
    case .shell(let word):
      guard let document = run.documents.first else { return .arguments(shell + [word.text]) }
      guard run.documents.count == 1, document.marker == word.text else {
        return .arguments(shell + [withDocuments(word.text, run.documents)])
      }
      // The document is the whole command: the shell need not know here-documents.
      let content = document.content
      return content.hasPrefix("#!") ? .script(content) : .arguments(shell + [content])
    }
  }

  /// As in the file, for the shell to read.
  private func withDocuments(_ text: String, _ documents: [HereDocument]) -> String {
    documents.reduce(text) { $0 + "\n" + $1.rawContent + $1.name }
  }

  private func summary(_ documents: [HereDocument]) -> String {
    let lines = documents.first?.content.split(separator: "\n") ?? []
    guard let first = lines.first else { return "" }
    return " (\(first)\(lines.count > 1 || documents.count > 1 ? "..." : ""))"
  }

  private var runEnvironment: [String] {
    var environment = variables
    for (name, value) in ProxyArguments.assignments(scope.given) where environment[name] == nil {
      environment.set(name, value)
    }
    return environment.assignments
  }

  /// `RUN |1 tag=2 /bin/sh -c make`: the build arguments in scope, then the command.
  private func createdBy(_ command: RunStep.Command) -> String {
    let shown = arguments.filter { !ProxyArguments.contains($0) }
      .map { "\($0)=\(variables[$0] ?? "")" }
    let prefix = shown.isEmpty ? [] : ["|\(shown.count)"] + shown
    let words: [String] =
      switch command {
      case .arguments(let arguments): arguments
      case .script(let content): [content]
      }
    return (["RUN"] + prefix + words).joined(separator: " ")
  }
}
