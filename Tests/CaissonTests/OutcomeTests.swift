// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import Images
import LinuxSystem
import OCI
import Testing

@testable import caisson

@Suite struct OutcomeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var error: any Error
    var build: Int32
    var executor: Int32
    var testDescription: String { name }
  }

  private struct Odd: Error {}
  private struct Told: DiagnosticConvertible {
    var exit: ExitCode
    var diagnostic: Diagnostic { Diagnostic("told", exit: exit) }
  }

  @Test(arguments: [
    Case(name: "usage", error: CommandLineError.notYet("x"), build: 2, executor: 2),
    Case(name: "failure", error: Told(exit: .failure), build: 1, executor: 1),
    Case(name: "surroundings", error: Told(exit: .surroundings), build: 3, executor: 1),
    Case(name: "system", error: SystemError("open", "/x", .noSpace), build: 3, executor: 1),
    Case(name: "content", error: ContentError.malformed("x"), build: 1, executor: 1),
    Case(name: "unknown", error: Odd(), build: 1, executor: 1),
    Case(name: "RUN exit 42", error: command(42), build: 1, executor: 42),
    Case(name: "RUN exit 2", error: command(2), build: 1, executor: 2),
    Case(name: "RUN killed", error: command(0), build: 1, executor: 1),
  ])
  func `the exit code says what failed`(_ c: Case) {
    #expect(exitCode(for: c.error, of: .build) == c.build)
    #expect(exitCode(for: c.error, of: .executor) == c.executor)
  }

  private static func command(_ code: Int32) -> CommandFailure {
    CommandFailure(exitCode: code, diagnostic: Diagnostic("the command failed"))
  }

  @Test func `executor begins its last words as kaniko does`() {
    let said = Diagnostic("no such stage", help: "write one")
    #expect(renderedFailure(said, of: .build) == "error: no such stage\n  = help: write one")
    #expect(
      renderedFailure(said, of: .executor)
        == "error building image: no such stage\n  = help: write one")
  }

  @Test func `errors of the system name call, path and reason`() {
    let full = diagnostic(for: SystemError("write", "/data/x", .noSpace))
    #expect(full.message == "write \"/data/x\": no space left on device")
    #expect(full.help?.contains("--store") == true)
    #expect(full.exit == .surroundings)
  }

  @Test func `report files hold what kaniko and buildx write`() throws {
    let names = [ImageReference("app"), ImageReference("r.example/x:2")].compactMap { $0 }
    var files = ReportFiles()
    files.digest = "/d"
    files.nameWithDigest = "/n"
    files.imageID = "/i"
    #expect(
      try text(files, names) == [
        "/d": "\(try zeroDigest())",
        "/n": "index.docker.io/library/app@\(try zeroDigest())\n"
          + "r.example/x@\(try zeroDigest())\n",
        "/i": "sha256:" + String(repeating: "1", count: 64),
      ])
    files = ReportFiles()
    files.nameWithDigest = "/n"
    files.nameAndTagWithDigest = "/t"
    let tagged =
      "index.docker.io/library/app:latest@\(try zeroDigest())\n"
      + "r.example/x:2@\(try zeroDigest())\n"
    #expect(try text(files, names) == ["/n": tagged, "/t": tagged])
    files = ReportFiles()
    files.metadata = "/m"
    let metadata = try JSONValue(parsing: Array(try text(files, names)["/m"]?.utf8 ?? "".utf8))
    #expect(metadata["containerimage.digest"]?.string == (try zeroDigest()).description)
    #expect(metadata["containerimage.descriptor"]?["size"]?.integer == 500)
    #expect(
      metadata["image.name"]?.string == "docker.io/library/app:latest,r.example/x:2")
  }

  @Test func `report files are written where no directory was`() throws {
    let directory = PathBytes("/tmp/caisson-test-\(UInt64.random(in: 0...UInt64.max))")
    defer { try? removeTree(directory) }
    var files = ReportFiles()
    files.digest = directory.appending("a/b/digest")
    try files.write(try report(), names: [])
    try files.write(try report(), names: [])
    let written = try contents(of: directory.appending("a/b/digest"))
    #expect(String(decoding: written, as: UTF8.self) == (try zeroDigest()).description)
    #expect(try FileStatus(of: directory.appending("a")).permissions == 0o700)
  }

  private func text(_ files: ReportFiles, _ names: [ImageReference]) throws -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: try files.contents(try report(), names: names)
        .map { ($0.0.description, String(decoding: $0.1, as: UTF8.self)) })
  }
}

@Suite struct ProcessTests {
  @Test func `the environment is the one the process has`() throws {
    let path = try #require(getenv("PATH").map { String(cString: $0) })
    #expect(processEnvironment()["PATH"] == path)
  }

  @Test func `the working directory is an absolute path`() throws {
    #expect(try currentDirectory().isAbsolute)
  }

  @Test func `a file is no terminal`() throws {
    let file = try FileDescriptor.open("/dev/null")
    #expect(terminalSize(of: file.number) == nil)
  }
}

@Suite struct SignalTests {
  @Test(
    arguments: [
      (nil, .cancel), (.milliseconds(1), .ignore), (.seconds(2), .exitNow),
    ] as [(Duration?, SignalDecision)])
  func `a second signal ends at once, an echo of the first does not`(
    _ sinceFirst: Duration?, _ expected: SignalDecision
  ) {
    #expect(decision(sinceFirst: sinceFirst) == expected)
  }

  @Test func `a signal cancels the task and shows in the exit code`() async {
    await #expect(processExitsWith: .exitCode(143)) {
      await exitAfter {
        kill(getpid(), SIGTERM)
        await untilCancelled()
        return 1
      }
    }
  }

  @Test func `a build that is done when the signal comes is done`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      await exitAfter {
        kill(getpid(), SIGINT)
        await untilCancelled()
        return 0
      }
    }
  }
}

/// The main thread of the program waits outside Swift's pool, and so does this.
private func exitAfter(_ body: @escaping @Sendable () async -> Int32) async {
  startThread {
    exit((try? runInterruptibly(body)) ?? 99)
  }
  await untilCancelled()
}

/// Nothing is ever sent, so only cancellation ends the stream.
private func untilCancelled() async {
  let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
  for await _ in stream {}
  continuation.finish()
}
