// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem
import Sandboxing

/// Looks around and writes what was found to standard output.
///
/// - Returns: The exit code.
func answer(_ query: DoctorQuery) throws -> Int32 {
  let watch = Task.detached {
    try await Task.sleep(for: longestLook)
    giveUp()
  }
  defer { watch.cancel() }
  let environment = processEnvironment().map { "\($0.key)=\($0.value)" }
  let place = Place(work: query.work, home: query.home, environment: environment)
  if query.isJSON {
    try StandardStream.output.write(try doctorJSON(place))
  } else {
    let output = StandardStream.output
    let text = doctorTable(
      place, width: output.terminalSize?.columns ?? 80, isColored: output.isTerminal)
    try output.write(Array(text.utf8))
  }
  return place.decision.name == nil ? ExitCode.surroundings.rawValue : ExitCode.success.rawValue
}

/// Probes have limits of their own; a directory on a server that does not answer has none.
private let longestLook = Duration.seconds(30)

private func giveUp() {
  let diagnostic = Diagnostic(
    "looking around takes more than \(longestLook.components.seconds) seconds",
    help: "a network file system that does not answer is the usual cause; name another --work",
    exit: .surroundings)
  StandardStream.error.show(diagnostic.rendered() + "\n")
  _exit(diagnostic.exit.rawValue)
}
