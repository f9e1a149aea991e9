// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import LinuxSystem
import OCI

/// Why a step could not be carried out.
package enum ExecutionError: Error, Hashable, Sendable {
  case commandFailed(command: String, status: Int32, at: SourceRange)
  case commandKilled(command: String, signal: Int32, at: SourceRange)
  /// Namespaces are not to be had here.
  case noSandbox(reason: String, help: String, at: SourceRange)
  case sourceNotFound(pattern: String, origin: String, excludedBy: Exclusion?, at: SourceRange)
  /// With `--parents`.
  case linkAmongParents(path: PathBytes, at: SourceRange)
  case badPattern(pattern: String, problem: PathPatternError.Reason, at: SourceRange)
  /// A link in the build context that leads nowhere within it.
  case danglingSource(pattern: String, at: SourceRange)
  case destinationIsNotADirectory(PathBytes, at: SourceRange)
  case destinationIsADirectory(PathBytes, at: SourceRange)
  case unknownUser(String, at: SourceRange)
  case unknownGroup(String, at: SourceRange)
  case badUser(String, at: SourceRange)
  case reservedName(PathBytes, at: SourceRange)
  case foreignPlatform(Platform, reason: String, at: SourceRange)
  case addressWithoutName(String, at: SourceRange)
  case noRemoteSources(at: SourceRange)
  case missingSecret(String, at: SourceRange)
  case secretIsNoText(at: SourceRange)
  case missingAgent(String, at: SourceRange)

  /// What an ignore file leaves out.
  package struct Exclusion: Hashable, Sendable {
    /// The position of the rule in the filter.
    package var rule: Int
    /// Relative to the context, links followed.
    package var path: PathBytes

    package init(rule: Int, path: PathBytes) {
      self.rule = rule
      self.path = path
    }
  }
}

extension ExecutionError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .commandFailed(let command, let status, let range):
      Diagnostic(
        "the command \"\(command)\" ended with exit code \(status)", at: range)
    case .commandKilled(let command, let signal, let range):
      Diagnostic(
        "the command \"\(command)\" was ended by signal \(signal)", at: range,
        help: signal == 9 ? "out of memory is the usual cause" : nil)
    case .noSandbox(let reason, let help, let range):
      Diagnostic(
        "there is no way to run a command here", at: range, notes: [reason], help: help,
        exit: .surroundings)
    case .sourceNotFound(let pattern, let origin, let excludedBy, let range):
      Diagnostic(
        "source \"\(pattern)\" is not in \(origin)", at: range,
        help: excludedBy.map { "the ignore file excludes \"\($0.path)\"" })
    case .linkAmongParents(let path, let range):
      Diagnostic(
        "\"\(path)\" is not a directory", at: range,
        notes: ["links are not followed where parents are kept"],
        help: "write /./ behind the link: what is before it is followed, and not kept")
    case .badPattern(let pattern, let problem, let range):
      Diagnostic("\"\(pattern)\" is not a pattern", at: range, help: problem.help)
    case .danglingSource(let pattern, let range):
      Diagnostic(
        "source \"\(pattern)\" is a link that leads nowhere", at: range,
        help: "links are followed within the build context only, as if it were \"/\"")
    case .destinationIsNotADirectory(let path, let range):
      Diagnostic(
        "the destination \"/\(path)\" exists and is not a directory", at: range,
        help: "a directory, or several files, can only be copied into a directory")
    case .destinationIsADirectory(let path, let range):
      Diagnostic("a file cannot take the place of the directory \"/\(path)\"", at: range)
    case .unknownUser(let name, let range):
      Diagnostic(
        "there is no user \"\(name)\" in the image's /etc/passwd", at: range,
        help: "create it in an earlier RUN, or give its number")
    case .unknownGroup(let name, let range):
      Diagnostic(
        "there is no group \"\(name)\" in the image's /etc/group", at: range,
        help: "create it in an earlier RUN, or give its number")
    case .badUser(let text, let range):
      Diagnostic(
        "\"\(text)\" names no user", at: range, help: "write USER, UID, USER:GROUP or UID:GID")
    case .foreignPlatform(let platform, let reason, let range):
      Diagnostic(
        "commands for \(platform) cannot be run here", at: range, notes: [reason],
        help:
          "install qemu-user-static (Debian) or register an emulator on the node; or compile for "
          + "it on this machine: FROM --platform=$BUILDPLATFORM, with $TARGETARCH",
        exit: .surroundings)
    case .addressWithoutName(let address, let range):
      Diagnostic(
        "\"\(address)\" has no name for the file", at: range,
        help: "name the file in the destination, without a slash at its end")
    case .noRemoteSources(let range):
      Diagnostic("nothing can be fetched here", at: range)
    case .missingSecret(let id, let range):
      Diagnostic(
        "the secret \"\(id)\" was not given", at: range,
        help: "add --secret id=\(id),src=FILE or --secret id=\(id),env=VARIABLE")
    case .secretIsNoText(let range):
      Diagnostic(
        "the secret cannot be a variable", at: range,
        notes: ["it is not UTF-8 text, or has a NUL byte"], help: "mount it as a file: target=PATH")
    case .missingAgent(let id, let range):
      Diagnostic(
        "the SSH agent \"\(id)\" was not given", at: range,
        help: id == "default" ? "add --ssh default" : "add --ssh \(id)=SOCKET")
    case .reservedName(let path, let range):
      Diagnostic(
        "\"\(path)\" has a name that layers reserve for removed files", at: range,
        help: "names that begin with \".wh.\" cannot be stored in an image")
    }
  }

  /// What the program should exit with when it passes a failed command's code on.
  package var commandStatus: Int32? {
    switch self {
    case .commandFailed(_, let status, _): status
    case .commandKilled(_, let signal, _): 128 + signal
    default: nil
    }
  }
}
