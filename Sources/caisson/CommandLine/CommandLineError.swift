// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// What is wrong with the words the program was called with.
enum CommandLineError: Error, Hashable, Sendable {
  case unknownCommand(String, near: String?)
  case unknownOption(String, near: String?, command: String)
  case missingValue(option: String)
  case badValue(option: String, value: String, expected: String)
  case unexpectedArgument(String, command: String)
  case missingArgument(String, command: String)
  case notYet(String)
  case refused(String, reason: String)
  /// Each is fine alone.
  case conflict(String, help: String? = nil)
}

extension CommandLineError: DiagnosticConvertible {
  var diagnostic: Diagnostic {
    func usage(_ message: String, _ help: String? = nil) -> Diagnostic {
      Diagnostic(message, help: help, exit: .usage)
    }
    switch self {
    case .unknownCommand(let name, let near):
      return usage(
        "unknown command \"\(name)\"",
        near.map { "did you mean \"\($0)\"?" } ?? "\"caisson help\" lists the commands")
    case .unknownOption(let name, let near, let command):
      return usage(
        "unknown option \(name)",
        near.map { "did you mean \($0)?" } ?? "\"caisson help \(command)\" lists the options")
    case .missingValue(let option):
      return usage("\(option) needs a value")
    case .badValue(let option, let value, let expected):
      return usage("\(option) cannot be \"\(value)\"", "it takes \(expected)")
    case .unexpectedArgument(let word, let command):
      return usage(
        "unexpected argument \"\(word)\"",
        "see \"caisson help \(command)\"; a value of a flag is written with =, as in --flag=false")
    case .missingArgument(let name, let command):
      return usage("\(name) is missing", "see \"caisson help \(command)\"")
    case .notYet(let what):
      return usage("\(what) is not carried out yet by this version")
    case .refused(let what, let reason):
      return usage("\(what) cannot be carried out", reason)
    case .conflict(let message, let help):
      return usage(message, help)
    }
  }
}
