// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

/// `caisson doctor`, and the choice it tells of, as root and as users who may do less.
@Suite(.enabled(if: PowerlessUser.obstacle == nil, PowerlessUser.obstacle))
struct DoctorTests {
  /// The program where everybody may run it, and a folder that is the powerless user's.
  private func place() async throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let made = try await Command(
      Checkout.folder + "/scripts/ordinary-user", Checkout.program, folder.path
    ).run()
    guard made.status == 0 else { throw Failure(made.errors) }
    expectSuccess(try await Command("chown", "65532:65532", folder.path + "/home").run())
    return folder
  }

  private func doctor(_ folder: TemporaryFolder, as user: [String], _ arguments: String...)
    async throws -> Command.Result
  {
    try await Command(
      user + [
        "env", "-i", "PATH=/usr/bin:/bin", "HOME=\(folder.path)/home",
        folder.path + "/bin/caisson", "doctor",
      ] + arguments, directory: "/"
    ).run()
  }

  private func json(_ result: Command.Result) throws -> JSONValue {
    try JSONValue(parsing: Array(result.output.utf8))
  }

  @Test func `root of a machine gets namespaces`() async throws {
    let folder = try await place()
    let result = try await doctor(folder, as: [], "--format", "json")
    #expect(result.status == 0)
    #expect(result.errors == "")
    let answer = try json(result)
    #expect(answer["sandbox"]?.string == "namespaces")
    #expect(answer["sandboxes"]?["virtual"]?["works"]?.bool == true)
    #expect(answer["process"]?["uid"]?.integer == 0)
  }

  @Test func `a user without any right gets the virtual sandbox, and leaves nothing`()
    async throws
  {
    let folder = try await place()
    let result = try await doctor(folder, as: PowerlessUser.prefix, "--format", "json")
    #expect(result.status == 0)
    let answer = try json(result)
    #expect(answer["sandbox"]?.string == "virtual")
    #expect(answer["process"]?["noNewPrivileges"]?.bool == true)
    #expect(answer["process"]?["capabilities"]?["bounding"]?.array == [])
    #expect(answer["facts"]?["virtual.seize"]?["state"]?.string == "ok")
    #expect(try names(inDirectory: PathBytes(folder.path + "/home")) == [])
  }

  @Test func `an ordinary user with ranges gets a user namespace`() async throws {
    let folder = try await place()
    expectSuccess(try await Command("chown", "caisson-test", folder.path + "/home").run())
    let result = try await doctor(
      folder, as: ["runuser", "-u", "caisson-test", "--"], "--format", "json")
    let answer = try json(result)
    #expect(answer["sandbox"]?.string == "namespaces")
    #expect(answer["sandboxes"]?["namespaces"]?["needsUserNamespace"]?.bool == true)
    #expect(try names(inDirectory: PathBytes(folder.path + "/home")) == [])
  }

  @Test func `nothing works where nothing can be written`() async throws {
    let folder = try await place()
    let result = try await doctor(folder, as: PowerlessUser.prefix, "--work", "/proc/self/attr")
    #expect(result.status == 3)
    #expect(result.output.hasPrefix("Sandbox: none\n"))
    #expect(result.output.contains("way out mount a writable volume"))
    #expect(!result.output.contains("\u{1B}"))
  }

  @Test(arguments: ["build", "executor"])
  func `what was asked for and cannot be had is an error before the first step`(
    _ command: String
  ) async throws {
    let folder = try await place()
    let context = folder.path + "/context"
    try makeDirectory(PathBytes(context))
    let file = try FileDescriptor.open(
      PathBytes(context + "/Dockerfile"), flags: O_WRONLY | O_CREAT)
    try file.writeAll(Array("FROM scratch\nCOPY Dockerfile /\nRUN [\"/none\"]\n".utf8))
    let rest =
      command == "build" ? ["--progress", "plain", context] : ["--context", context, "--no-push"]
    let result = try await Command(
      PowerlessUser.prefix + [
        "env", "-i", "HOME=\(folder.path)/home", folder.path + "/bin/caisson", command,
        "--sandbox", "namespaces",
      ] + rest, directory: "/"
    ).run()
    #expect(result.status == (command == "build" ? 3 : 1))
    #expect(result.errors.contains("the sandbox \"namespaces\" cannot be had here"))
    #expect(result.errors.contains("Dockerfile:3:1"))
    #expect(result.errors.contains("--sandbox virtual"))
    #expect(!result.errors.contains("#1 "))
    #expect(!result.errors.contains("COPY Dockerfile"))
  }

  @Test func `the choice is logged with its reason`() async throws {
    let folder = try TemporaryFolder()
    let file = try FileDescriptor.open(
      PathBytes(folder.path + "/Dockerfile"), flags: O_WRONLY | O_CREAT)
    // The command is not there: that the choice comes first is what is looked at.
    try file.writeAll(Array("FROM scratch\nCOPY Dockerfile /\nRUN [\"/none\"]\n".utf8))
    let result = try await Command(
      Checkout.program, "executor", "--context", folder.path, "--no-push", "--log-format",
      "text", "--store", folder.path + "/store"
    ).run()
    #expect(
      result.errors.contains(
        "level=info msg=\"sandbox chosen\" sandbox=namespaces "
          + "reason=\"this process is root with CAP_SYS_ADMIN and may mount\""))
  }
}

/// Somebody who may do nothing.
private enum PowerlessUser {
  static let obstacle: Comment? = {
    if access(Checkout.program, X_OK) != 0 {
      return "\(Comment(rawValue: Checkout.program)) is not built"
    }
    return getuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0
      ? nil : "changing users needs root and setpriv"
  }()

  /// A number without name, ranges or rights.
  static let prefix = [
    "setpriv", "--reuid=65532", "--regid=65532", "--clear-groups", "--no-new-privs",
    "--bounding-set=-all", "--inh-caps=-all",
  ]
}
