// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem

/// The pattern a source word of COPY stands for.
func sourcePattern(_ word: String, at range: SourceRange) throws(ExecutionError) -> PathPattern {
  do {
    return try PathPattern(word)
  } catch {
    throw ExecutionError.badPattern(pattern: word, problem: error.reason, at: range)
  }
}
