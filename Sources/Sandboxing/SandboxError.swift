// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem

/// Why a command could not be run in a sandbox. It crosses process borders, hence `Codable`.
package enum SandboxError: Error, Hashable, Sendable, Codable {
  /// The kernel said no; `operation` is what was asked of it.
  case refused(operation: String, path: String?, errno: Int32)
  case overlayRefused(upper: String, errno: Int32)
  case tooManyLayers(Int)
  /// The image has something at `path` that nothing can be mounted on.
  case mountPointBlocked(path: String)
  case invalidCommand(reason: String)
  case commandNotFound(String)
  case commandNotExecutable(String, errno: Int32)
  case interpreterNotFound(command: String, interpreter: String)
  case workingDirectory(String, errno: Int32)
  case userNotMapped(uid: UInt32, gid: UInt32)
  /// Our own process in between ended without a word; 128 and more is a signal.
  case supervisorDied(status: Int32)
  case idMapRefused(tool: String, message: String)
  case namespacesUnavailable(reasons: [String])
  /// As ``refused(operation:path:errno:)``, in a sandbox that needs no privileges.
  case virtualRefused(operation: String, path: String?, errno: Int32)
  /// What lies beside the tree of a virtual sandbox is not what it should be.
  case recordsDamaged(path: String, reason: String)

  init(_ error: SystemError) {
    self = .refused(
      operation: error.call, path: error.path?.description, errno: error.errno.code)
  }

  /// What a shell would exit with when the command could not be started; nil for other failures.
  package var commandStatus: Int32? {
    switch self {
    case .commandNotFound, .interpreterNotFound: 127
    case .commandNotExecutable: 126
    default: nil
    }
  }
}

extension SandboxError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .refused(let operation, let path, let errno):
      Diagnostic(
        "the sandbox could not be set up: \(operation)\(quoted(path)): \(Errno(errno))",
        help: errno == EPERM || errno == EACCES ? Self.whatToAllow : nil, exit: .surroundings)
    case .overlayRefused(let upper, let errno):
      Diagnostic(
        "the kernel refused an overlay with the upper directory \"\(upper)\": \(Errno(errno))",
        help: errno == EPERM || errno == EACCES
          ? Self.whatToAllow
          : "keep the work directory on ext4, xfs, btrfs or tmpfs; an overlay cannot lie on an overlay",
        exit: .surroundings)
    case .tooManyLayers(let count):
      Diagnostic(
        "the image has \(count) layers; the kernel stacks \(RootMount.mostLayers) at most",
        help: "squash the base image")
    case .mountPointBlocked(let path):
      Diagnostic(
        "the image has something in place of \"\(path)\" that nothing can be mounted on",
        help: "make it a directory, or a file for the resolver files, in the base image")
    case .invalidCommand(let reason):
      Diagnostic("the command cannot be run: \(reason)")
    case .commandNotFound(let name):
      Diagnostic(
        "the command \"\(name)\" was not found",
        help: "check its spelling, PATH, and that the base image has it")
    case .commandNotExecutable(let name, let errno):
      Diagnostic(
        "the command \"\(name)\" cannot be executed: \(Errno(errno))",
        help: errno == ENOEXEC
          ? "it is no program for this machine, or a script without \"#!\" line"
          : "check its mode and the modes of the directories above it, or the user")
    case .interpreterNotFound(let command, let interpreter):
      Diagnostic(
        "the interpreter \"\(interpreter)\" of \"\(command)\" was not found",
        help: "install it in the image, or start another one")
    case .workingDirectory(let path, let errno):
      Diagnostic("the working directory \"\(path)\" cannot be entered: \(Errno(errno))")
    case .userNotMapped(let uid, let gid):
      Diagnostic(
        "user \(uid), group \(gid) or one of its groups is outside the IDs of this user namespace",
        help: "give the building user larger ranges in /etc/subuid and /etc/subgid",
        exit: .surroundings)
    case .supervisorDied(let status):
      Diagnostic(
        "the sandbox's own process ended unexpectedly with status \(status)", exit: .surroundings)
    case .idMapRefused(let tool, let message):
      Diagnostic(
        "\(tool) did not set the user namespace's IDs: \(message)", help: Self.whatToAllow,
        exit: .surroundings)
    case .virtualRefused(let operation, let path, let errno):
      Diagnostic(
        "the virtual sandbox could not be set up: \(operation)\(quoted(path)): \(Errno(errno))",
        help: "\"caisson doctor\" tells what this place lacks", exit: .surroundings)
    case .recordsDamaged(let path, let reason):
      Diagnostic(
        "the file \"\(path)\" beside a virtual root is damaged: \(reason)", exit: .surroundings)
    case .namespacesUnavailable(let reasons):
      Diagnostic(
        "this place allows no namespaces", notes: reasons, help: Self.whatToAllow,
        exit: .surroundings)
    }
  }

  private static let whatToAllow =
    "run as root with CAP_SYS_ADMIN, or as a user with a range in /etc/subuid and /etc/subgid and "
    + "the package uidmap installed; a sandbox that needs neither comes later"

  private func quoted(_ path: String?) -> String { path.map { " \"\($0)\"" } ?? "" }
}

/// Calls the kernel again while a signal interrupts it, and turns -1 into ``SandboxError/refused``.
@discardableResult
func kernel<Result: SignedInteger>(
  _ operation: String, _ path: PathBytes? = nil, _ body: () -> Result
) throws(SandboxError) -> Result {
  do {
    return try retrying(operation, path, body)
  } catch {
    throw SandboxError(error)
  }
}

/// Runs `body` with what the system refuses told as a ``SandboxError``.
func translating<Result: ~Copyable>(_ body: () throws(SystemError) -> Result)
  throws(SandboxError) -> Result
{
  do {
    return try body()
  } catch {
    throw SandboxError(error)
  }
}
