// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI
import Testing

@testable import BuildPlanning

@Suite struct MergingTests {
  private func plan(_ text: String, for architecture: String) throws -> BuildPlan {
    var planning = Planning()
    planning.options.platform = Platform(os: "linux", architecture: architecture)
    planning.options.buildPlatform = Platform(os: "linux", architecture: "amd64")
    return try planning.plan(text)
  }

  @Test func `stages that are equal for two platforms are built once`() throws {
    let text = """
      FROM --platform=$BUILDPLATFORM a AS shared
      RUN make
      FROM --platform=$BUILDPLATFORM a AS cross
      ARG TARGETARCH
      RUN make $TARGETARCH
      FROM b
      COPY --from=shared /x /x
      COPY --from=cross /y /y
      RUN --mount=from=shared,target=/m true
      """
    let plans = [try plan(text, for: "amd64"), try plan(text, for: "arm64")]
    let merged = BuildPlan.merging(plans)
    #expect(merged.stages.map { $0.name ?? "-" } == ["shared", "cross", "-", "cross", "-"])
    #expect(merged.stages.map(\.position) == [0, 1, 2, 1, 2])
    #expect(merged.stages.map(\.id.index) == [0, 1, 2, 3, 4])
    #expect(merged.targets == [Stage.ID(2), Stage.ID(4)])
    #expect(merged.stages[4].copies.map(\.origin) == [.stage(Stage.ID(0)), .stage(Stage.ID(3))])
    #expect(merged.stages[4].runs[0].mounts[0].content == .files(.stage(Stage.ID(0)), path: ""))
    #expect(merged.stages[4].platform.architecture == "arm64")
  }

  @Test func `a stage that stands on a different one is different`() throws {
    let text = "FROM a AS one\nFROM one\nRUN x"
    let merged = BuildPlan.merging([
      try plan(text, for: "amd64"), try plan(text, for: "arm64"), try plan(text, for: "amd64"),
    ])
    #expect(merged.stages.count == 4)
    #expect(merged.targets == [Stage.ID(1), Stage.ID(3), Stage.ID(1)])
    #expect(merged.stages[3].base == .stage(Stage.ID(2)))
  }

  @Test func `one plan stays as it is`() throws {
    let one = try plan("FROM a\nFROM b\nCOPY --from=0 /x /", for: "amd64")
    #expect(BuildPlan.merging([one]) == one)
  }
}
