// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI

/// What is said of an error, whatever threw it.
func diagnostic(for error: any Error) -> Diagnostic {
  switch error {
  case let error as any DiagnosticConvertible: error.diagnostic
  case let error as SystemError: diagnostic(for: error)
  case let error as ContentError: diagnostic(for: error)
  case is CancellationError: Diagnostic("cancelled")
  default: Diagnostic("\(error)")
  }
}

private func diagnostic(for error: SystemError) -> Diagnostic {
  let place = error.path.map { " \"\($0)\"" } ?? ""
  let help: String? =
    switch error.errno {
    case .noSpace: "free some space, or choose another place with --store"
    case .readOnly: "choose a place that can be written to; --store is where layers are kept"
    case .accessDenied, .notPermitted:
      error.path.map { _ in "check who may read and write there" }
    default: nil
    }
  return Diagnostic(
    "\(error.call)\(place): \(lowercasedFirst("\(error.errno)"))", help: help, exit: .surroundings)
}

private func diagnostic(for error: ContentError) -> Diagnostic {
  switch error {
  case .digestMismatch(let expected, let actual):
    Diagnostic(
      "content does not match its digest",
      notes: ["expected \(expected)", "received \(actual)"],
      help: "it was damaged on the way or replaced; do not use it")
  case .sizeMismatch(let expected, let actual):
    Diagnostic(
      "content is \(actual) bytes long, not \(expected)",
      help: "the transfer may have been cut off; try again")
  case .tooLarge(let limit): Diagnostic("content is larger than the limit of \(limit) bytes")
  case .malformed(let what): Diagnostic("malformed content: \(what)")
  }
}

func lowercasedFirst(_ text: String) -> String {
  text.prefix(1).lowercased() + text.dropFirst()
}

/// How the program ends after `error`.
///
/// kaniko knows 1 and the exit code of a RUN; `build` tells usage and surroundings apart and hides
/// what a RUN ended with, since 2 and 3 mean something else.
func exitCode(for error: any Error, of command: BuildCommand) -> Int32 {
  if let failure = error as? CommandFailure {
    // A signal's number or 0 would say that all went well.
    return command == .executor && (1...255).contains(failure.exitCode) ? failure.exitCode : 1
  }
  let code = diagnostic(for: error).exit
  if command == .executor, code != .usage { return 1 }
  return [.usage, .surroundings].contains(code) ? code.rawValue : 1
}

/// The text for standard error; `executor` begins it as kaniko does.
func renderedFailure(_ diagnostic: Diagnostic, of command: BuildCommand) -> String {
  let text = diagnostic.rendered()
  guard command == .executor, text.hasPrefix("error: ") else { return text }
  return "error building image: " + text.dropFirst("error: ".count)
}
