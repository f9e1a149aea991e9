// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import OCI
import Testing

@Suite struct StepTests {
  private func stage(_ text: String) throws -> Stage {
    var planning = Planning()
    return try planning.target("FROM a\nENV v=value\n" + text)
  }

  @Test(
    arguments: [
      ("RUN echo $v", .arguments(["/bin/sh", "-c", "echo $v"])),
      ("RUN [\"echo\", \"$v\"]", .arguments(["echo", "$v"])),
      ("SHELL [\"bash\", \"-ec\"]\nRUN x \\\n  y", .arguments(["bash", "-ec", "x   y"])),
      ("RUN <<E\necho $v\nE", .arguments(["/bin/sh", "-c", "echo $v\n"])),
      ("RUN <<-E\n\techo\n\tE", .arguments(["/bin/sh", "-c", "echo\n"])),
      ("RUN <<E\n#!/usr/bin/env python\nx\nE", .script("#!/usr/bin/env python\nx\n")),
      (
        "RUN cat <<-A 3<<'B' > f\n\ta\n\tA\nb\nB",
        .arguments(["/bin/sh", "-c", "cat <<-A 3<<'B' > f\n\ta\nA\nb\nB"])
      ),
    ] as [(String, RunStep.Command)])
  func `a command is ready to start`(text: String, command: RunStep.Command) throws {
    #expect(try stage(text).runs[0].command == command)
  }

  @Test(arguments: [
    ("COPY x y", ["x"], "/w/y"), ("COPY x y/", ["x"], "/w/y/"), ("COPY x .", ["x"], "/w/"),
    ("COPY x ./", ["x"], "/w/"), ("COPY x /", ["x"], "/"), ("COPY x /a/../b", ["x"], "/b"),
    ("COPY x ../..", ["x"], "/"), ("COPY x ..", ["x"], "/"),
    ("COPY /x/ ../../y z/", ["x", "y"], "/w/z/"),
    ("COPY . /d", [""], "/d"), ("COPY ./a//b/* $v/", ["a/b/*"], "/w/value/"),
    ("COPY [\"a b\", \"$v\"]", ["a b"], "/w/value"),
  ])
  func `COPY paths are resolved`(text: String, sources: [String], destination: String) throws {
    let copy = try stage("WORKDIR /w\n" + text).copies[0]
    #expect(copy.destination == destination)
    let paths = copy.sources.map { if case .path(let path, _) = $0 { path } else { "?" } }
    #expect(paths == sources)
    #expect(copy.origin == .context)
    #expect(!copy.unpacksArchives)
  }

  @Test func `COPY flags are expanded and read`() throws {
    let copy = try stage("ARG m=4755\nADD --link --chown=$v:g --chmod=$m x /").copies[0]
    #expect(copy.owner == "value:g")
    #expect(copy.mode == .exact(0o4755))
    #expect(copy.unpacksArchives)
  }

  @Test func `here-documents become files, expanded unless quoted`() throws {
    let stage = try stage("COPY <<a <<-'b' /d/\nit's $v \\$v\na\n\t$v\n\tb")
    #expect(
      stage.copies[0].sources == [
        .inline(name: "a", content: Array("it's value $v\n".utf8)),
        .inline(name: "b", content: Array("$v\n".utf8)),
      ])
    #expect(stage.history.last == "COPY <<a <<b /d/")
  }

  @Test func `one here-document may be a file's whole content`() throws {
    #expect(try stage("COPY <<E /d/f\nx\nE").copies[0].destination == "/d/f")
  }

  @Test func `a step knows its text and place`() throws {
    let stage = try stage("COPY --from=busybox --chmod=755 $v/x /y\nRUN <<E\n\nfirst\nsecond\nE")
    #expect(
      stage.steps.map(\.text).suffix(2) == [
        "COPY --from=busybox --chmod=755 value/x /y", "RUN <<E (first...)",
      ])
    #expect(stage.steps.map(\.source.start.line) == [2, 3, 4])
  }

  @Test func `EXPOSE with a host port keeps the container's`() throws {
    var planning = Planning()
    let stage = try planning.target("FROM a\nEXPOSE 8080:80")
    #expect(stage.configuration.config.exposedPorts == ["80/tcp"])
  }
}
