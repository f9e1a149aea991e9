// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import LinuxSystem
import Testing

@testable import caisson

@Suite struct LocatedErrorTests {
  private let source = SourceText(name: "Dockerfile", text: "FROM a\nCOPY b /\n")
  private let second = SourceRange(line: 2, columns: 1..<9)

  private func rendered(_ error: any Error) async -> String {
    do {
      try await locatingErrors(in: source) { throw located(error, at: second, notes: ["a note"]) }
      return ""
    } catch {
      return diagnostic(for: error).rendered()
    }
  }

  @Test func `an error that knows no line gets that of its step`() async {
    let text = await rendered(SystemError("write", nil, .noSpace))
    #expect(text.contains("Dockerfile:2:1"))
    #expect(text.contains("COPY b /"))
    #expect(text.contains("a note"))
    #expect(text.contains("--store"))
  }

  @Test func `an error that knows its line keeps it`() async {
    let first = SourceRange(line: 1, columns: 6..<7)
    let text = await rendered(LocatedError(diagnostic: Diagnostic("no such image", at: first)))
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
}
