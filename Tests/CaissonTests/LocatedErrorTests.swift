// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import Diagnostics
import DockerfileSyntax
import Testing

@testable import caisson

@Suite struct LocatedErrorTests {
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
