// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Why a Dockerfile cannot be read, or asks for what cannot be done.
package enum DockerfileError: Error, Hashable, Sendable {
  // The file.
  case notText(at: SourceRange)
  case tooLong(limitInBytes: Int)
  /// Instructions, lines, or words of one instruction.
  case tooMany(String, limit: Int, at: SourceRange)
  case noInstructions
  case instructionBeforeFrom(String, at: SourceRange)
  // Directives.
  case repeatedDirective(String, at: SourceRange)
  case invalidEscapeDirective(String, at: SourceRange)
  case foreignSyntax(String, at: SourceRange)
  // Instructions.
  case unknownInstruction(String, near: String?, at: SourceRange)
  case missingArguments(String, usage: String, at: SourceRange)
  case surplusArguments(String, usage: String, at: SourceRange)
  case malformedAssignment(String, String, at: SourceRange)
  case emptyName(String, at: SourceRange)
  case invalidStageName(String, at: SourceRange)
  case expectedExecForm(String, at: SourceRange)
  case notStrings(String, at: SourceRange)
  case unknownHealthcheck(String, at: SourceRange)
  case invalidTrigger(String, at: SourceRange)
  case brokenTrigger(String, at: SourceRange)
  // Flags.
  case unknownFlag(String, of: String, near: String?, at: SourceRange)
  case repeatedFlag(String, at: SourceRange)
  case flagWithoutValue(String, at: SourceRange)
  case invalidFlagValue(String, flag: String, expected: String, at: SourceRange)
  case variableInFlag(String, at: SourceRange)
  case unknownMountKey(String, near: String?, at: SourceRange)
  case mountKeyWithoutValue(String, at: SourceRange)
  // Here-documents.
  case unterminatedDocument(String, at: SourceRange)
  case invalidDocumentName(String, at: SourceRange)
  case documentAsDestination(at: SourceRange)
  // Words.
  case expansion(ExpansionError, at: SourceRange)
}

extension DockerfileError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    fileDiagnostic ?? instructionDiagnostic ?? flagDiagnostic ?? wordDiagnostic
  }

  private var fileDiagnostic: Diagnostic? {
    switch self {
    case .notText(let range):
      Diagnostic(
        "the file is not UTF-8 text, or has a NUL byte", at: range,
        help: "save it as UTF-8; a Dockerfile of another program may have been meant")
    case .tooLong(let limit):
      Diagnostic("the file is longer than \(limit) bytes")
    case .tooMany(let what, let limit, let range):
      Diagnostic("there are more than \(limit) \(what)", at: range)
    case .noInstructions:
      Diagnostic("the file has no instructions", help: "begin with FROM")
    case .instructionBeforeFrom(let name, let range):
      Diagnostic(
        "\(name) before the first FROM", at: range, help: "only ARG may come before FROM")
    case .repeatedDirective(let name, let range):
      Diagnostic("directive \"\(name)\" is given twice", at: range)
    case .invalidEscapeDirective(let value, let range):
      Diagnostic("\"\(value)\" cannot be the escape character", at: range, help: "use \\ or `")
    case .foreignSyntax(let value, let range):
      Diagnostic(
        "the syntax \"\(value)\" is not built in", at: range,
        help: "remove the directive, or use docker/dockerfile:1")
    default: nil
    }
  }

  private var instructionDiagnostic: Diagnostic? {
    switch self {
    case .unknownInstruction(let name, let near, let range):
      Diagnostic(
        "unknown instruction \"\(name)\"", at: range, help: near.map { "did you mean \($0)?" })
    case .missingArguments(let name, let usage, let range):
      Diagnostic("\(name) lacks arguments", at: range, help: "write: \(usage)")
    case .surplusArguments(let name, let usage, let range):
      Diagnostic("\(name) has too many arguments", at: range, help: "write: \(usage)")
    case .malformedAssignment(let name, let word, let range):
      Diagnostic(
        "\"\(word)\" is not KEY=value", at: range,
        help: "write: \(name) KEY=value, with quotes around values that have spaces")
    case .emptyName(let name, let range):
      Diagnostic("\(name) has an empty name", at: range)
    case .invalidStageName(let name, let range):
      Diagnostic(
        "\"\(name)\" cannot be the name of a stage", at: range,
        help: "use letters, digits, \"-\", \"_\" and \".\", a letter first")
    case .expectedExecForm(let name, let range):
      Diagnostic(
        "\(name) needs a JSON array of strings", at: range,
        help: "write: \(name) [\"/bin/sh\", \"-c\"]")
    case .notStrings(let name, let range):
      Diagnostic(
        "the JSON array of \(name) has something other than strings", at: range,
        help: "put every argument in double quotes")
    case .unknownHealthcheck(let word, let range):
      Diagnostic(
        "HEALTHCHECK does not know \"\(word)\"", at: range, help: "use CMD or NONE")
    case .invalidTrigger(let name, let range):
      Diagnostic("ONBUILD cannot trigger \(name)", at: range)
    case .brokenTrigger(let text, let range):
      Diagnostic("the ONBUILD trigger \"\(text)\" is not one instruction", at: range)
    default: nil
    }
  }

  private var flagDiagnostic: Diagnostic? {
    switch self {
    case .unknownFlag(let flag, let name, let near, let range):
      Diagnostic(
        "unknown flag \"\(flag)\" of \(name)", at: range, help: near.map { "did you mean \($0)?" })
    case .repeatedFlag(let flag, let range):
      Diagnostic("flag \(flag) is given twice", at: range)
    case .flagWithoutValue(let flag, let range):
      Diagnostic("flag \(flag) lacks a value", at: range, help: "write: \(flag)=VALUE")
    case .invalidFlagValue(let value, let flag, let expected, let range):
      Diagnostic("\"\(value)\" is no value for \(flag)", at: range, help: "use \(expected)")
    case .variableInFlag(let flag, let range):
      Diagnostic(
        "\(flag) takes no variables", at: range,
        help: "name a stage: FROM ${image} AS source, then \(flag)=source")
    case .unknownMountKey(let key, let near, let range):
      Diagnostic(
        "unknown option \"\(key)\" of --mount", at: range, help: near.map { "did you mean \($0)?" })
    case .mountKeyWithoutValue(let key, let range):
      Diagnostic(
        "option \"\(key)\" of --mount lacks a value", at: range, help: "write: \(key)=VALUE")
    default: nil
    }
  }

  private var wordDiagnostic: Diagnostic {
    switch self {
    case .unterminatedDocument(let name, let range):
      Diagnostic(
        "the here-document \"\(name)\" does not end", at: range,
        help: "end it with a line that is exactly \"\(name)\"")
    case .invalidDocumentName(let name, let range):
      Diagnostic(
        "the here-document \"\(name)\" cannot be a file", at: range,
        help: "its name becomes the file's name: use one without slashes")
    case .documentAsDestination(let range):
      Diagnostic("a here-document cannot be the destination", at: range)
    case .expansion(let error, let range):
      Diagnostic(error.summary, at: range, help: error.help)
    default:
      Diagnostic("the Dockerfile is not valid")
    }
  }
}
