// SPDX-License-Identifier: Apache-2.0

// Runs one command in a sandbox, as a build does: `SandboxTestProgram DIRECTORY COMMAND...`.
// DIRECTORY holds `base`, `upper`, `work` and `scratch`. An ordinary user gets a user namespace.
//
// `SandboxTestProgram virtual DIRECTORY COMMAND...` does so in a virtual sandbox, with `base` as its
// tree and `records` beside it, made if missing.

import Diagnostics
import Glibc
import LinuxSystem
import RecordedFiles
import Sandboxing

if let code = SandboxEntry.runIfAsked(CommandLine.arguments) { exit(code) }

let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
do {
  if CommandLine.arguments.count > 3, CommandLine.arguments[1] == "virtual" {
    let directory = PathBytes(CommandLine.arguments[2])
    let sandbox = VirtualSandbox(scratch: directory.appending("scratch"))
    let tree = VirtualTree(
      directory: directory.appending("base"), records: directory.appending("records"))
    if !exists(tree.records) { try FileRecords(creating: tree.records).synchronize() }
    let command = SandboxedCommand(
      .arguments(Array(CommandLine.arguments.dropFirst(3))), environment: environment)
    let end = try await sandbox.run(
      command, in: tree, touched: directory.appending("touched"), standardOutput: 1,
      standardError: 2)
    exit(end.status)
  }
  switch SandboxProbe.answer(environment: environment) {
  case .here: break
  case .inUserNamespace(let namespace):
    exit(try namespace.reexecute(arguments: CommandLine.arguments, environment: environment))
  case .nowhere(let reasons): throw SandboxError.namespacesUnavailable(reasons: reasons)
  }
  let directory = PathBytes(CommandLine.arguments[1])
  let sandbox = NamespaceSandbox(scratch: directory.appending("scratch"))
  let command = SandboxedCommand(
    .arguments(Array(CommandLine.arguments.dropFirst(2))), environment: environment)
  let root = OverlayRoot(
    lower: [directory.appending("base")], upper: directory.appending("upper"),
    work: directory.appending("work"))
  let end = try await sandbox.run(command, in: root, standardOutput: 1, standardError: 2)
  exit(end.status)
} catch let error as any DiagnosticConvertible {
  print(error.diagnostic.rendered())
  exit(error.diagnostic.exit.rawValue)
}
