// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import DockerfileSyntax

/// An error whose place in a file is filled in.
struct LocatedError: DiagnosticConvertible {
  var diagnostic: Diagnostic
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
    var diagnostic = source.located(error.diagnostic)
    if case .sourceNotFound(_, _, let exclusion?, _) = error {
      diagnostic.help = ignoreFile?.help(for: exclusion) ?? diagnostic.help
    }
    guard let status = error.commandStatus else { throw LocatedError(diagnostic: diagnostic) }
    throw CommandFailure(exitCode: status, diagnostic: diagnostic)
  } catch let error as any DiagnosticConvertible {
    guard error.diagnostic.range != nil, error.diagnostic.location == nil else { throw error }
    throw LocatedError(diagnostic: source.located(error.diagnostic))
  }
}

extension IgnoreFile {
  fileprivate func help(for exclusion: ExecutionError.Exclusion) -> String? {
    pattern(ofRule: exclusion.rule).map { pattern in
      "\(source.name):\(pattern.range.start.line) excludes \"\(pattern.text)\"; "
        + "add \"!\(exclusion.path)\" below it"
    }
  }
}
