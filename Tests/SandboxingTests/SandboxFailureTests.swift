// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Glibc
import LinuxSystem
import Testing

@testable import Sandboxing

@Suite(.enabled(if: SandboxFixture.isPossible, "needs root and /bin/busybox"))
struct SandboxFailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var error: SandboxError
    var status: Int32?
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(
    arguments: [
      Case(arguments: ["nothing"], error: .commandNotFound("nothing"), status: 127),
      Case(arguments: ["/bin/nothing"], error: .commandNotFound("/bin/nothing"), status: 127),
      Case(arguments: ["/bin/sh/x"], error: .commandNotFound("/bin/sh/x"), status: 127),
      Case(
        arguments: ["data"], error: .commandNotExecutable("data", errno: EACCES), status: 126),
      Case(arguments: ["/bin"], error: .commandNotExecutable("/bin", errno: EACCES), status: 126),
      Case(
        arguments: ["text"], error: .commandNotExecutable("text", errno: ENOEXEC), status: 126),
      Case(
        arguments: ["script", "1"],
        error: .interpreterNotFound(command: "script", interpreter: "/bin/perl"), status: 127),
      Case(
        arguments: ["windows"],
        error: .interpreterNotFound(command: "windows", interpreter: "/bin/sh\r"), status: 127),
    ], SandboxKind.allCases)
  func `a command that cannot be started says why`(_ c: Case, kind: SandboxKind) async throws {
    let fixture = try SandboxFixture(kind)
    try write("data", to: fixture.base.appending("bin/data"))
    try write("no program", to: fixture.base.appending("bin/text"), mode: 0o755)
    try write("#! /bin/perl -w\n", to: fixture.base.appending("bin/script"), mode: 0o755)
    try write("#!/bin/sh\r\n", to: fixture.base.appending("bin/windows"), mode: 0o755)
    await #expect(throws: c.error) {
      try await fixture.run("") { $0.program = .arguments(c.arguments) }
    }
    #expect(c.error.commandStatus == c.status)
    #expect(try fixture.changes() == [])
  }

  @Test(
    arguments: [
      SandboxedCommand(.arguments([]), environment: []),
      SandboxedCommand(.arguments([""]), environment: []),
      SandboxedCommand(.arguments(["a\0b"]), environment: []),
      SandboxedCommand(.arguments(["a"]), environment: ["A=\0"]),
      SandboxedCommand(.arguments(["a"]), environment: [], workingDirectory: "bin"),
    ], SandboxKind.allCases)
  func `a command the kernel cannot be told is refused`(
    command: SandboxedCommand, kind: SandboxKind
  ) async throws {
    let error = await #expect(throws: SandboxError.self) {
      try await SandboxFixture(kind).run("") { $0 = command }
    }
    guard case .invalidCommand = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: SandboxKind.allCases)
  func `a missing working directory is named`(kind: SandboxKind) async throws {
    await #expect(throws: SandboxError.workingDirectory("/nowhere", errno: ENOENT)) {
      try await SandboxFixture(kind).run("true") { $0.workingDirectory = "/nowhere" }
    }
  }

  @Test(arguments: ["proc", "sys", "dev"], SandboxKind.allCases)
  func `an image cannot send a mount elsewhere by a link`(name: String, kind: SandboxKind)
    async throws
  {
    let fixture = try SandboxFixture(kind)
    try link(fixture.base.appending(name), to: "etc")
    await #expect(throws: SandboxError.mountPointBlocked(path: "/\(name)")) {
      try await fixture.run("true")
    }
  }

  @Test func `more layers than the kernel stacks are refused`() async throws {
    let fixture = try SandboxFixture()
    await #expect(throws: SandboxError.tooManyLayers(499)) {
      try await fixture.run("true", over: Array(repeating: fixture.base, count: 499))
    }
  }

  @Test func `an upper directory on an overlay is refused with advice`() async throws {
    let fixture = try SandboxFixture()
    let error = await #expect(throws: SandboxError.self) {
      var root = fixture.root()
      root.upper = "/proc"
      _ = try await fixture.sandbox().rehearse(in: root)
    }
    guard case .overlayRefused(upper: "/proc", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.diagnostic.exit == .surroundings)
    #expect(error?.diagnostic.help != nil)
  }

  @Test func `a program that is not ours is an error`() async throws {
    let fixture = try SandboxFixture()
    let sandbox = NamespaceSandbox(
      programPath: "/bin/false", scratch: fixture.directory.appending("scratch"))
    await #expect(throws: SandboxError.supervisorDied(status: 1)) {
      try await sandbox.rehearse(in: fixture.root())
    }
  }
}
