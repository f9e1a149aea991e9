// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import Sandboxing

/// Looks around and writes what was found to standard output.
///
/// - Returns: The exit code.
func answer(_ query: DoctorQuery) throws -> Int32 {
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
