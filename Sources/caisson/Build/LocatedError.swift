// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import DockerfileSyntax

/// An error whose place in a file is filled in.
struct LocatedError: DiagnosticConvertible {
  var diagnostic: Diagnostic
}

/// `error`, said to be about `range` unless it knows better; a cancellation stays one.
///
/// - Parameter notes: What else is to be said then.
func located(_ error: any Error, at range: SourceRange?, notes: [String] = []) -> any Error {
  guard let range, !(error is CancellationError) else { return error }
  var diagnostic = diagnostic(for: error)
  guard diagnostic.range == nil, diagnostic.location == nil else { return error }
  diagnostic.range = range
  diagnostic.notes += notes
  return LocatedError(diagnostic: diagnostic)
}

/// Runs `body`; an error that names a range gets the file and the lines it is about.
func locatingErrors<Result>(
  in source: SourceText, isolation: isolated (any Actor)? = #isolation,
  _ body: () async throws -> Result
) async throws -> Result {
  do {
    return try await body()
  } catch let error as ExecutionError {
    throw located(error.diagnostic, status: error.commandStatus, in: source)
  } catch let error as StepFailure {
    throw located(error.diagnostic, status: error.commandStatus, in: source)
  } catch let error as DockerfileError {
    // Also one about the whole file.
    throw LocatedError(diagnostic: source.located(error.diagnostic))
  } catch let error as any DiagnosticConvertible {
    guard error.diagnostic.range != nil, error.diagnostic.location == nil else { throw error }
    throw LocatedError(diagnostic: source.located(error.diagnostic))
  }
}

private func located(_ diagnostic: Diagnostic, status: Int32?, in source: SourceText) -> any Error {
  let diagnostic = source.located(diagnostic)
  guard let status else { return LocatedError(diagnostic: diagnostic) }
  return CommandFailure(exitCode: status, diagnostic: diagnostic)
}
