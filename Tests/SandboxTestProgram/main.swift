// SPDX-License-Identifier: Apache-2.0

// Runs one command in a sandbox, as a build does: `SandboxTestProgram DIRECTORY COMMAND...`.
// DIRECTORY holds `base`, `upper`, `work` and `scratch`. An ordinary user gets a user namespace.

import Diagnostics
import Glibc
import LinuxSystem
import Sandboxing

if let code = SandboxEntry.runIfAsked(CommandLine.arguments) { exit(code) }

let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
do {
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
