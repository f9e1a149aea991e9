// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Diagnostics
import DockerfileSyntax
import OCI
import Testing

@Suite struct StageTests {
  @Test func `unused stages are neither asked for nor built`() throws {
    var planning = Planning()
    let plan = try planning.plan(
      "FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=ONE /x /\nFROM three\nCOPY --from=d /y /"
    )
    #expect(plan.stages.map(\.id.index) == [0, 2, 3])
    #expect(plan.targets[0] == Stage.ID(3))
    #expect(planning.rounds == [["a linux/amd64", "c linux/amd64", "d linux/amd64"]])
    #expect(plan.stages[1].copies[0].origin == .stage(Stage.ID(0)))
    #expect(plan.stages[2].base == .stage(Stage.ID(2)))
    guard case .image(let image) = plan.stages[2].copies[0].origin else {
      return #expect(Bool(false))
    }
    #expect(image.request.name == "d")
  }

  @Test(arguments: [(nil, 2), ("one", 0), ("TWO", 1), ("0", 0), ("2", 2), ("", 2)])
  func `a target is a name or a position`(target: String?, index: Int) throws {
    var planning = Planning()
    planning.options.target = target
    let plan = try planning.plan("FROM a AS one\nFROM a AS two\nFROM a")
    #expect(plan.targets[0].index == index)
    #expect(plan.stages.map(\.id) == [plan.targets[0]])
  }

  @Test func `an unknown target is refused with the names there are`() {
    var planning = Planning()
    planning.options.target = "three"
    #expect(throws: PlanningError.unknownTarget("three", known: ["one", "two"])) {
      try planning.plan("FROM a AS one\nFROM a AS two\nFROM a")
    }
  }

  @Test func `a name means the nearest earlier stage, or else an image`() throws {
    var planning = Planning()
    let plan = try planning.plan("FROM debian AS debian\nFROM debian AS x\nFROM a AS x\nFROM x")
    #expect(plan.stages.map(\.id.index) == [2, 3])
    #expect(planning.rounds == [["a linux/amd64"]])
    #expect(planning.warnings.isEmpty)
    #expect(try planning.plan("FROM later\nFROM a AS later").stages.count == 1)
  }

  @Test func `FROM takes platform and global arguments`() throws {
    var planning = Planning()
    let stage = try planning.target(
      "ARG tag=12\nARG name=debian\nFROM --platform=$BUILDPLATFORM ${name}:${tag:-x}")
    #expect(planning.rounds == [["debian:12 linux/arm64"]])
    #expect(stage.platform.description == "linux/arm64")
    var scratch = Planning()
    #expect(
      try scratch.target("FROM --platform=linux/arm/v7 scratch").configuration.platform.variant
        == "v7")
    #expect(scratch.rounds.isEmpty)
  }

  @Test func `triggers of a base run first and may need more images`() throws {
    var planning = Planning()
    var configuration = ImageConfiguration(platform: Platform(os: "linux", architecture: "amd64"))
    configuration.config.onBuild = ["COPY --from=tools /x /y", "ARG v=1", "RUN make $v"]
    planning.configurations["base"] = configuration
    let stage = try planning.target("FROM base\nRUN own")
    #expect(planning.rounds == [["base linux/amd64"], ["tools linux/amd64"]])
    #expect(
      stage.history.map { String($0.suffix(7)) } == ["Y /x /y", "ARG v=1", "make $v", " -c own"])
    #expect(stage.configuration.config.onBuild.isEmpty)
    #expect(stage.steps[0].source == SourceRange(line: 1, columns: 1..<10))
  }

  @Test func `here-documents of a trigger are told apart`() throws {
    var planning = Planning()
    let stage = try planning.target(
      "FROM a AS b\nONBUILD RUN cat <<E\nx\nE\nONBUILD RUN <<E\ny\nE\n"
        + "ONBUILD COPY <<F z <<G /d/\nf\nF\ng\nG\nFROM b")
    #expect(
      stage.runs.map(\.command) == [
        .arguments(["/bin/sh", "-c", "cat <<E\nx\nE"]), .arguments(["/bin/sh", "-c", "y\n"]),
      ])
    #expect(
      stage.copies.first?.sources == [
        .inline(name: "F", content: Array("f\n".utf8)),
        .path("z", range: SourceRange(line: 13, columns: 1..<7)),
        .inline(name: "G", content: Array("g\n".utf8)),
      ])
  }

  @Test func `a broken trigger of a base is blamed on its FROM`() throws {
    for text in ["FROM x", "RUN a\nRUN b", "", "NONSENSE", "COPY a"] {
      var planning = Planning()
      var configuration = ImageConfiguration(platform: .host)
      configuration.config.onBuild = [text]
      planning.configurations["a"] = configuration
      let error = #expect(throws: DockerfileError.self) { try planning.plan("ARG x\nFROM a") }
      #expect(error?.diagnostic.range == SourceRange(line: 2, columns: 1..<7))
    }
  }

  @Test func `triggers are kept for the next build, and run in a stage on top`() throws {
    var planning = Planning()
    let plan = try planning.plan("FROM a AS b\nONBUILD RUN x\nFROM b\nONBUILD USER u")
    #expect(plan.stages[0].configuration.config.onBuild == ["RUN x"])
    #expect(plan.stages[0].steps.isEmpty)
    #expect(plan.stages[1].history == ["RUN /bin/sh -c x"])
    #expect(plan.stages[1].configuration.config.onBuild == ["USER u"])
  }

  @Test func `a stage chain as long as a file can have is planned`() throws {
    var planning = Planning()
    let chain = (1...3000).map { "FROM s\($0 - 1) AS s\($0)\n" }.joined()
    #expect(try planning.plan("FROM scratch AS s0\n" + chain).stages.count == 3001)
  }

  struct Failure: Sendable, CustomTestStringConvertible {
    var text: String
    var place: String
    var message: String
    init(_ text: String, _ place: String, _ message: String) {
      self.text = text
      self.place = place
      self.message = message
    }
    var testDescription: String { text }
  }

  @Test(arguments: [
    Failure("FROM A/b:c:d", "1:6", "\"A/b:c:d\" is no image reference"),
    Failure(
      "ARG x\nFROM $x", "2:6", "the image name \"$x\" is empty once its variables are expanded"),
    Failure("FROM ${x", "1:6", "\"${\" is not closed"),
    Failure("FROM --platform=$x a", "1:17", "\"\" is no platform"),
    Failure("FROM a\nCOPY --from=0 x y", "2:13", "the stage \"0\" cannot copy from itself"),
    Failure("FROM a AS b\nCOPY --from=B x y", "2:13", "the stage \"B\" cannot copy from itself"),
    Failure("FROM a\nCOPY --from=7 x y", "2:13", "there is no stage 7"),
    Failure("FROM a\nCOPY --from=-1 x y", "2:13", "there is no stage -1"),
    Failure("FROM a AS o\nCOPY --from=l x y\nFROM o AS l", "2:13", "the stage \"l\" comes later"),
    Failure("FROM a\nCOPY --from=scratch x y", "2:13", "\"scratch\" has no files to copy"),
    Failure("FROM a\nCOPY --from=A x y", "2:13", "\"A\" is no image reference"),
    Failure("FROM a\nCOPY x y z", "2:10", "several sources need a directory, \"z\" is not one"),
    Failure("FROM a\nCOPY $u z", "2:6", "\"$u\" is empty once its variables are expanded"),
    Failure("FROM a\nCOPY https://x/y z", "2:6", "COPY cannot fetch \"https://x/y\""),
    Failure("FROM a\nADD ftp://x/y z", "2:5", "ADD cannot fetch \"ftp://x/y\""),
    Failure(
      "FROM a\nADD https://x/y.git?z=1 z", "2:5",
      "\"https://x/y.git?z=1\" is no address of a git repository"),
    Failure("FROM a\nADD --checksum=md5:1 https://x/y z", "2:16", "\"md5:1\" is no checksum"),
    Failure("FROM a\nADD --checksum=main https://x/y.git z", "2:16", "\"main\" is no checksum"),
    Failure(
      "FROM a\nADD --checksum=sha256:x https://x/y https://x/z z/", "2:16",
      "--checksum is for one source"),
    Failure("FROM a\nCOPY --chmod=u+y y z", "2:14", "\"u+y\" is no file mode"),
    Failure(
      "FROM a\nADD --checksum=sha256:x y z", "2:16", "--checksum is for sources that are fetched"),
    Failure(
      "FROM a\nRUN --security=insecure x", "2:16",
      "RUN --security=insecure cannot be carried out"),
    Failure("FROM a\nRUN --device=x y", "2:14", "RUN --device cannot be carried out"),
    Failure("FROM a\nRUN --mount=type=cahce,target=/x y", "2:18", "\"cahce\" is no type of mount"),
    Failure("FROM a\nRUN --mount=type=cache y", "2:13", "the mount of type cache lacks \"target\""),
    Failure(
      "FROM a\nRUN --mount=target=/x,target=/y z", "2:23",
      "option \"target\" of --mount is given twice"),
    Failure(
      "FROM a\nRUN --mount=target=/x,size=1 z", "2:23",
      "mounts of type bind have no option \"size\" here"),
    Failure(
      "FROM a\nRUN --mount=type=tmpfs,target=/x,size=big z", "2:39",
      "\"big\" is no value for \"size\""),
    Failure(
      "FROM a\nRUN --mount=type=cache,target=/x,sharing=no z", "2:42",
      "\"no\" is no value for \"sharing\""),
    Failure(
      "FROM a\nRUN --mount=type=cache,target=/x,mode=8 z", "2:39", "\"8\" is no value for \"mode\""),
    Failure("FROM a\nRUN --mount=target=/ z", "2:13", "nothing can be mounted on \"/\""),
    Failure(
      "FROM a\nRUN --mount=target=/x --mount=target=../x z", "2:31",
      "two mounts have the target \"/x\""),
    Failure("FROM a\nRUN --mount=type=secret z", "2:13", "the mount of type secret lacks \"id\""),
    Failure(
      "FROM a AS o\nRUN --mount=from=l,target=/x y\nFROM o AS l", "2:18",
      "the stage \"l\" comes later"),
    Failure("FROM a\nCOPY --chmod=0999 y z", "2:14", "\"0999\" is no file mode"),
    Failure("FROM a\nCOPY --chmod=77777 y z", "2:14", "\"77777\" is no file mode"),
    Failure("FROM a\nCOPY --chmod=+7 y z", "2:14", "\"+7\" is no file mode"),
    Failure("FROM a\nEXPOSE 80/icmp", "2:8", "\"80/icmp\" is no port"),
    Failure("FROM a\nEXPOSE 90-80", "2:8", "\"90-80\" is no port"),
    Failure("FROM a\nEXPOSE 65536", "2:8", "\"65536\" is no port"),
    Failure("FROM a\nSTOPSIGNAL SIGNONE", "2:12", "\"SIGNONE\" is no signal"),
    Failure("FROM a\nUSER $u", "2:6", "the user is empty once its variables are expanded"),
    Failure("FROM a\nENV a=\"x${y:?no y}\"", "2:9", "y: no y"),
    Failure("FROM a\nCOPY \"a b\" c/", "2:6", "the quote \" is not closed"),
  ])
  func `what cannot be planned is refused where it is`(_ c: Failure) throws {
    var planning = Planning()
    let error = #expect(throws: (any Error).self) { try planning.plan(c.text) }
    let diagnostic = try #require(error as? any DiagnosticConvertible).diagnostic
    #expect(diagnostic.message == c.message)
    #expect(diagnostic.range.map { "\($0.start.line):\($0.start.column)" } == c.place)
  }
}
