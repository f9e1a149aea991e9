// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileSyntax
import OCI
import Testing

@Suite struct HostilePlanningTests {
  @Test func `random instructions are planned or refused, and never trap`() {
    let lines = [
      "FROM a", "FROM a AS b", "FROM b", "FROM scratch", "FROM $x", "ARG x=1", "ARG x y=${x:-2}",
      "ENV x=$y y=${x#1}", "ENV x", "COPY --from=b . $x", "COPY --from=0 a b c/", "COPY a* ../..",
      "ADD x ./", "RUN x", "RUN <<E\n$x\nE", "WORKDIR $x/..", "WORKDIR ../../x", "USER $x",
      "EXPOSE $x 8-9", "VOLUME $y", "ENTRYPOINT []", "CMD x", "SHELL [\"\"]", "ONBUILD RUN y",
      "ONBUILD COPY --from=b a b", "HEALTHCHECK NONE", "STOPSIGNAL $x", "LABEL $x=$y", "# comment",
      "COPY <<E <<F /x/\n${x\nE\nF", "MAINTAINER x", "FROM --platform=$x a AS c",
    ]
    var planned = 0
    for seed in 0..<400 {
      var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
      var text = seed % 2 == 0 ? "FROM a\n" : ""
      for _ in 0..<(seed % 9) {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        text += lines[Int(state % UInt64(lines.count))] + "\n"
      }
      var planning = Planning()
      planning.options.buildArguments = seed % 3 == 0 ? [("x", "a b"), ("y", "")] : []
      if (try? planning.plan(text)) != nil { planned += 1 }
    }
    #expect(planned > 40)
  }

  @Test func `doubling a variable on every line ends in an error, not in memory`() {
    var planning = Planning()
    let lines = String(repeating: "ENV a=$a$a\n", count: 64)
    #expect(throws: DockerfileError.self) {
      try planning.plan("FROM x\nENV a=0123456789\n" + lines)
    }
  }
}
