// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Writes the answer to standard output.
func answer(_ query: ImageQuery, log: Log) async throws {
  throw CommandLineError.notYet("reading images")
}
