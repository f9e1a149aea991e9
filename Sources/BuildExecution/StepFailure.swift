// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Sandboxing

/// A failure that did not know its place in the Dockerfile: that of the step it happened in.
package struct StepFailure: DiagnosticConvertible {
  package var diagnostic: Diagnostic
  /// What a shell would have ended with, when a command could not be started.
  package var commandStatus: Int32?

  init(_ error: any DiagnosticConvertible, in step: Step) {
    diagnostic = error.diagnostic
    diagnostic.range = step.source
    commandStatus = (error as? SandboxError)?.commandStatus
  }
}

/// Runs `body`; a failure without a place gets that of `step`.
func naming<Result>(
  _ step: Step, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
) async throws -> Result {
  do {
    return try await body()
  } catch let error as any DiagnosticConvertible {
    guard error.diagnostic.range == nil else { throw error }
    throw StepFailure(error, in: step)
  }
}
