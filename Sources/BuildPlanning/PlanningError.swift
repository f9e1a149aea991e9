// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

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
  case flagOfRemoteSources(String, at: SourceRange)
  case unknownScheme(String, at: SourceRange)
  case invalidChecksum(String, expected: String, at: SourceRange)
  case invalidGitAddress(String, GitRepository.Fault, at: SourceRange)
  case checksumOfSeveralSources(at: SourceRange)
  case emptyPath(String, at: SourceRange)
  case invalidMode(String, at: SourceRange)
  case invalidPort(String, at: SourceRange)
  case invalidSignal(String, at: SourceRange)
  case emptyUser(at: SourceRange)
  case emptyVariableName(at: SourceRange)
  case baseIsDirectory(String, at: SourceRange)
  // RUN.
  case refusedRunFlag(String, reason: String, at: SourceRange)
  case unknownMountType(String, near: String?, at: SourceRange)
  case repeatedMountOption(String, at: SourceRange)
  case surplusMountOption(String, type: String, at: SourceRange)
  case missingMountOption(String, type: String, at: SourceRange)
  case invalidMountOption(String, String, expected: String, at: SourceRange)
  case mountOnRoot(at: SourceRange)
  case repeatedMountTarget(String, at: SourceRange)
}

extension PlanningError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    stageDiagnostic ?? runDiagnostic ?? instructionDiagnostic
  }

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
        help: nearest(to: target, among: known).map { "did you mean \"\($0)\"?" }
          ?? "name a stage behind AS, or give its position from 0", exit: .usage)
    case .emptyImageName(let text, let range):
      Diagnostic(
        "the image name \"\(text)\" is empty once its variables are expanded", at: range,
        help: "give ARG a default before the first FROM, or pass --build-arg")
    case .invalidImageName(let name, let range):
      Diagnostic(
        "\"\(name)\" is no image reference", at: range,
        help: ImageReference(name.lowercased()) == nil
          ? "write [registry/]name[:tag][@digest], the name in lower case"
          : "did you mean \(name.lowercased())? names of images are in lower case")
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
        notes: [
          count == 0
            ? "this is the first stage, there is none before it"
            : "before this stage there are \(count); the first is 0"
        ])
    case .baseIsDirectory(let name, let range):
      Diagnostic(
        "the context \"\(name)\" is a directory, not an image", at: range,
        help: "give it as --build-context \(name)=rootfs:PATH to build on its files")
    default: nil
    }
  }

  private var runDiagnostic: Diagnostic? {
    switch self {
    case .refusedRunFlag(let flag, let reason, let range):
      Diagnostic("RUN \(flag) cannot be carried out", at: range, notes: [reason])
    case .unknownMountType(let type, let near, let range):
      Diagnostic(
        "\"\(type)\" is no type of mount", at: range,
        help: near.map { "did you mean \($0)?" } ?? "use bind, cache, secret, ssh or tmpfs")
    case .repeatedMountOption(let key, let range):
      Diagnostic("option \"\(key)\" of --mount is given twice", at: range)
    case .surplusMountOption(let key, let type, let range):
      Diagnostic("mounts of type \(type) have no option \"\(key)\" here", at: range)
    case .missingMountOption(let key, let type, let range):
      Diagnostic("the mount of type \(type) lacks \"\(key)\"", at: range)
    case .invalidMountOption(let key, let value, let expected, let range):
      Diagnostic("\"\(value)\" is no value for \"\(key)\"", at: range, help: "use \(expected)")
    case .mountOnRoot(let range):
      Diagnostic("nothing can be mounted on \"/\"", at: range)
    case .repeatedMountTarget(let target, let range):
      Diagnostic("two mounts have the target \"\(target)\"", at: range)
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
    case .unknownScheme(let text, let range):
      Diagnostic(
        "ADD cannot fetch \"\(text)\"", at: range,
        help: "use http, https, or a git repository: https://HOST/NAME.git, ssh:// or git@HOST:PATH"
      )
    case .invalidChecksum(let text, let expected, let range):
      Diagnostic("\"\(text)\" is no checksum", at: range, help: "write \(expected)")
    case .invalidGitAddress(let text, let fault, let range):
      Diagnostic(
        "\"\(text)\" is no address of a git repository", at: range, notes: [fault.note],
        help: "write ADDRESS#REFERENCE:DIRECTORY, or ADDRESS?ref=REFERENCE&subdir=DIRECTORY")
    case .checksumOfSeveralSources(let range):
      Diagnostic(
        "--checksum is for one source", at: range, help: "write an ADD for each source")
    case .flagOfRemoteSources(let flag, let range):
      Diagnostic(
        "\(flag) is for sources that are fetched", at: range,
        help: "remove it, or name a URL or a git repository")
    case .emptyPath(let text, let range):
      Diagnostic("\"\(text)\" is empty once its variables are expanded", at: range)
    case .invalidMode(let text, let range):
      Diagnostic(
        "\"\(text)\" is no file mode", at: range,
        help: "use octal digits, as in 0755, or changes, as in u=rwX,go=rX")
    case .invalidPort(let text, let range):
      Diagnostic(
        "\"\(text)\" is no port", at: range,
        help: "write 8080, 8080/udp or 8000-8010/tcp; protocols are tcp, udp and sctp")
    case .invalidSignal(let text, let range):
      Diagnostic(
        "\"\(text)\" is no signal", at: range,
        help: nearest(to: text, among: signalNames.map { "SIG" + $0 }).map { "did you mean \($0)?" }
          ?? "use a name or number, as in SIGTERM or 15")
    case .emptyUser(let range):
      Diagnostic("the user is empty once its variables are expanded", at: range)
    case .emptyVariableName(let range):
      Diagnostic("the name is empty once its variables are expanded", at: range)
    default:
      Diagnostic("the Dockerfile cannot be built")
    }
  }
}

extension GitRepository.Fault {
  fileprivate var note: String {
    switch self {
    case .unknownQuery(let name): "its query has no \"\(name)\""
    case .conflictingQuery(let name): "it names two references; one is \"\(name)\""
    case .badReference(let text): "\"\(text)\" is no reference"
    case .leavesRepository(let text): "\"\(text)\" leads out of the repository"
    }
  }
}
