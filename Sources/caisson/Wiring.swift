// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// The places where the commands meet the modules that do the work.

/// Runs the program again inside a user namespace, where that is how RUN is confined.
///
/// Called while the program has one thread and nothing is open.
///
/// - Returns: The exit code of the program inside, or nil when the build goes on right here.
func enterUserNamespaceIfNeeded(_ options: BuildOptions, _ words: [String]) throws -> Int32? {
  nil
}

func runBuild(_ options: BuildOptions, log: Log, progress: ProgressReporter) async throws
  -> BuildReport
{
  throw CommandLineError.notYet("building")
}

/// Writes the answer to standard output.
func answer(_ query: ImageQuery, log: Log) async throws {
  throw CommandLineError.notYet("reading images")
}
