// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Why there is no plan for a Dockerfile that can be read.
package enum PlanningError: Error, Hashable, Sendable {
  case noStages
  case unknownTarget(String, known: [String])
  case emptyImageName(String, at: SourceRange)
  case invalidImageName(String, at: SourceRange)
  case invalidPlatform(String, at: SourceRange)
  case copyFromScratch(at: SourceRange)
  case copyFromSelf(String, at: SourceRange)
  case copyFromLaterStage(String, at: SourceRange)
  case unknownStageIndex(String, count: Int, at: SourceRange)
  case severalSourcesToFile(String, at: SourceRange)
  case copyOfURL(String, at: SourceRange)
  case emptyPath(String, at: SourceRange)
  case invalidMode(String, at: SourceRange)
  case invalidPort(String, at: SourceRange)
  case invalidSignal(String, at: SourceRange)
  case emptyUser(at: SourceRange)
  case emptyVariableName(at: SourceRange)
}

extension PlanningError: DiagnosticConvertible {
  package var diagnostic: Diagnostic { stageDiagnostic ?? instructionDiagnostic }

  private var stageDiagnostic: Diagnostic? {
    switch self {
    case .noStages:
      Diagnostic("the file has no FROM", help: "begin with FROM, or FROM scratch")
    case .unknownTarget(let target, let known):
      Diagnostic(
        "there is no stage \"\(target)\"",
        notes: known.isEmpty
          ? ["no stage has a name"]
          : ["the stages are \(known.map { "\"\($0)\"" }.joined(separator: ", "))"],
        help: "name a stage behind AS, or give its position from 0", exit: .usage)
    case .emptyImageName(let text, let range):
      Diagnostic(
        "the image name \"\(text)\" is empty once its variables are expanded", at: range,
        help: "give ARG a default before the first FROM, or pass --build-arg")
    case .invalidImageName(let name, let range):
      Diagnostic(
        "\"\(name)\" is no image reference", at: range,
        help: "write [registry/]name[:tag][@digest], the name in lower case")
    case .invalidPlatform(let text, let range):
      Diagnostic(
        "\"\(text)\" is no platform", at: range,
        help: "write os/architecture[/variant], as in linux/arm64")
    case .copyFromScratch(let range):
      Diagnostic("\"scratch\" has no files to copy", at: range)
    case .copyFromSelf(let name, let range):
      Diagnostic("the stage \"\(name)\" cannot copy from itself", at: range)
    case .copyFromLaterStage(let name, let range):
      Diagnostic(
        "the stage \"\(name)\" comes later", at: range, help: "move it before this stage")
    case .unknownStageIndex(let text, let count, let range):
      Diagnostic(
        "there is no stage \(text)", at: range,
        notes: ["before this stage there are \(count); the first is 0"])
    default: nil
    }
  }

  private var instructionDiagnostic: Diagnostic {
    switch self {
    case .severalSourcesToFile(let destination, let range):
      Diagnostic(
        "several sources need a directory, \"\(destination)\" is not one", at: range,
        help: "end it with a slash")
    case .copyOfURL(let url, let range):
      Diagnostic("COPY cannot fetch \"\(url)\"", at: range, help: "ADD is meant for it")
    case .emptyPath(let text, let range):
      Diagnostic("\"\(text)\" is empty once its variables are expanded", at: range)
    case .invalidMode(let text, let range):
      Diagnostic("\"\(text)\" is no file mode", at: range, help: "use octal digits, as in 0755")
    case .invalidPort(let text, let range):
      Diagnostic(
        "\"\(text)\" is no port", at: range,
        help: "write 8080, 8080/udp or 8000-8010/tcp; protocols are tcp, udp and sctp")
    case .invalidSignal(let text, let range):
      Diagnostic(
        "\"\(text)\" is no signal", at: range, help: "use a name or number, as in SIGTERM or 15")
    case .emptyUser(let range):
      Diagnostic("the user is empty once its variables are expanded", at: range)
    case .emptyVariableName(let range):
      Diagnostic("the name is empty once its variables are expanded", at: range)
    default:
      Diagnostic("the Dockerfile cannot be built")
    }
  }
}
