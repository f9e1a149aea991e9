// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import Glibc
import Layers
import LinuxSystem
import OCI
import Synchronization
import Testing

@testable import BuildExecution

@Suite struct FailureTests {
  private func blobs(_ bench: Bench) throws -> Int {
    try names(inDirectory: bench.store.directory.appending("blobs/sha256")).count
  }

  @Test func `a missing source ends the build and leaves nothing`() async throws {
    let bench = try Bench()
    try bench.file("file")
    bench.filter = try PathFilter(patterns: ["*", "!file"])
    try bench.file("hidden")
    await #expect(
      throws: ExecutionError.sourceNotFound(
        pattern: "hidden", origin: "the build context",
        excludedBy: ExecutionError.Exclusion(rule: 0, path: "hidden"), at: somewhere)
    ) {
      try await bench.run(stage(copy("file", "hidden", to: "/d/")))
    }
    #expect(try blobs(bench) == 0)
    #expect(try bench.leftovers() == [])
  }

  @Test func `a stop in a big COPY leaves nothing`() async throws {
    let bench = try Bench()
    try bench.file("big")
    let path = bench.context.appending("big")
    try retrying("truncate", path) { path.withCString { truncate($0, 1 << 42) } }
    let (started, start) = AsyncStream<Void>.makeStream()
    let surroundings = try bench.surroundings()
    let plan = stage(copy("big", to: "/"))
    let build = Task {
      try await Executor(surroundings, options: ExecutionOptions()) { event in
        if case .stepStarted = event { start.yield() }
      }.run(BuildPlan(stages: [plan], target: plan.id))
    }
    for await _ in started { break }
    // The blob's temporary file is there as soon as bytes are on their way.
    while try bench.leftovers().isEmpty { await Task.yield() }
    build.cancel()
    await #expect(throws: CancellationError.self) { try await build.value }
    #expect(try blobs(bench) == 0)
    #expect(try bench.leftovers() == [])
  }

  @Test func `a stage that fails stops the others`() async throws {
    let bench = try Bench()
    try bench.file("big")
    let path = bench.context.appending("big")
    try retrying("truncate", path) { path.withCString { truncate($0, 1 << 42) } }
    await #expect(throws: ExecutionError.self) {
      try await bench.run(
        stage(0, copy("big", to: "/")), stage(1, copy("absent", to: "/")),
        stage(2, on: .stage(Stage.ID(0)), copy("x", to: "/", from: .stage(Stage.ID(1)))))
    }
    #expect(try bench.leftovers() == [])
  }

  @Test func `a RUN without a sandbox says why`() async throws {
    let bench = try Bench()
    let run = RunStep(
      command: .arguments(["true"]), environment: [], workingDirectory: "/", user: "")
    let step = Step(action: .run(run), text: "RUN true", createdBy: "RUN true", source: somewhere)
    await #expect(throws: ExecutionError.noSandbox(reason: "a test", help: "", at: somewhere)) {
      try await bench.run(stage(step))
    }
  }

  @Test(arguments: [
    (ExecutionError.commandFailed(command: "x", status: 42, at: somewhere), 42 as Int32?),
    (.commandKilled(command: "x", signal: 9, at: somewhere), 137),
    (.linkAmongParents(path: "x", at: somewhere), nil),
  ])
  func `a command's code is passed on`(_ error: ExecutionError, _ status: Int32?) {
    #expect(error.commandStatus == status)
    #expect(error.diagnostic.range == somewhere)
  }
}
