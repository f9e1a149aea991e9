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

/// Runs `body`; an error that names a range gets the file and the lines it is about, and a source
/// that is ignored gets the line that ignores it.
func locatingErrors<Result>(
  in source: SourceText, ignoring ignoreFile: IgnoreFile?,
  isolation: isolated (any Actor)? = #isolation,
  _ body: () async throws -> Result
) async throws -> Result {
  do {
    return try await body()
  } catch let error as ExecutionError {
    var diagnostic = error.diagnostic
    if case .sourceNotFound(_, _, let exclusion?, _) = error {
      diagnostic.help = ignoreFile?.help(for: exclusion) ?? diagnostic.help
    }
    throw located(diagnostic, status: error.commandStatus, in: source)
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

extension IgnoreFile {
  fileprivate func help(for exclusion: ExecutionError.Exclusion) -> String? {
    pattern(ofRule: exclusion.rule).map { pattern in
      "\(source.name):\(pattern.range.start.line) excludes \"\(pattern.text)\"; "
        + "add \"!\(exclusion.path)\" below it"
    }
  }
}
