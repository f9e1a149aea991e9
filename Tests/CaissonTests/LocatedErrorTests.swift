// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import DockerfileSyntax
import LinuxSystem
import Testing

@testable import caisson

@Suite struct LocatedErrorTests {
  private let source = SourceText(name: "Dockerfile", text: "FROM a\nCOPY b /\n")
  private let second = SourceRange(line: 2, columns: 1..<9)

  private func renderedAtStep(_ error: any Error) async -> String {
    do {
      try await locatingErrors(in: source, ignoring: nil) {
        throw located(error, at: second, notes: ["a note"])
      }
      return ""
    } catch {
      return diagnostic(for: error).rendered()
    }
  }

  @Test func `an error that knows no line gets that of its step`() async {
    let text = await renderedAtStep(SystemError("write", nil, .noSpace))
    #expect(text.contains("Dockerfile:2:1"))
    #expect(text.contains("COPY b /"))
    #expect(text.contains("a note"))
    #expect(text.contains("--store"))
  }

  @Test func `an error that knows its line keeps it`() async {
    let first = SourceRange(line: 1, columns: 6..<7)
    let text = await renderedAtStep(
      LocatedError(diagnostic: Diagnostic("no such image", at: first)))
    #expect(text.contains("Dockerfile:1:6"))
    #expect(!text.contains("a note"))
  }

  @Test func `a cancellation stays one`() {
    #expect(located(CancellationError(), at: second) is CancellationError)
  }

  @Test func `the exit code is that of the error`() {
    let error = located(SystemError("write", nil, .noSpace), at: second)
    #expect(exitCode(for: error, of: .build) == 3)
  }

  private let dockerfile = SourceText(
    name: "Dockerfile", text: "FROM scratch\nCOPY dist/app /usr/local/bin/app\n")
  private let place = SourceRange(line: 2, columns: 6..<14)

  private func rendered(_ error: any Error, ignoring ignoreFile: IgnoreFile?) async -> String {
    do {
      try await locatingErrors(in: dockerfile, ignoring: ignoreFile) { throw error }
      return ""
    } catch let error as any DiagnosticConvertible {
      return error.diagnostic.rendered()
    } catch {
      return "\(error)"
    }
  }

  @Test func `an ignored source is shown with the line that ignores it`() async throws {
    let ignoreFile = try IgnoreFile(
      parsing: Array("# built\n\n  dist \n".utf8), name: ".dockerignore")
    let error = ExecutionError.sourceNotFound(
      pattern: "dist/app", origin: "the build context",
      excludedBy: ExecutionError.Exclusion(rule: 0, path: "dist/app"), at: place)
    let text = await rendered(error, ignoring: ignoreFile)
    #expect(text.hasPrefix("error: source \"dist/app\" is not in the build context\n"))
    #expect(text.contains("--> Dockerfile:2:6\n"))
    #expect(text.contains("2 | COPY dist/app /usr/local/bin/app\n"))
    #expect(
      text.hasSuffix("help: .dockerignore:3 excludes \"dist\"; add \"!dist/app\" below it"))
    #expect(await rendered(error, ignoring: nil).contains("the ignore file excludes \"dist/app\""))
  }

  @Test func `a failed command keeps its code and gets its place`() async {
    let error = ExecutionError.commandFailed(command: "false", status: 42, at: place)
    await #expect(
      performing: {
        try await locatingErrors(in: dockerfile, ignoring: nil) { throw error }
      }, throws: { ($0 as? CommandFailure)?.exitCode == 42 })
    #expect(await rendered(error, ignoring: nil).contains("Dockerfile:2:6"))
  }
}
