// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import OCI
import Testing

@Suite struct ConfigurationTests {
  private func config(_ text: String, on base: RunConfiguration? = nil) throws -> RunConfiguration {
    var planning = Planning()
    if let base {
      var configuration = ImageConfiguration(platform: Platform(os: "linux", architecture: "amd64"))
      configuration.config = base
      planning.configurations["a"] = configuration
    }
    return try planning.target(text).configuration.config
  }

  @Test func `a base without PATH gets the default one`() throws {
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    #expect(try config("FROM scratch").environment == [path])
    #expect(try config("FROM scratch").workingDirectory == "/")
    #expect(try config("FROM a", on: RunConfiguration()).environment == [path])
    #expect(try config("FROM a\nENV PATH=/x:$PATH").environment == ["PATH=/x:/bin"])
  }

  @Test func `ENTRYPOINT drops an inherited command, but not its own stage's`() throws {
    var base = RunConfiguration()
    base.command = ["old"]
    #expect(try config("FROM a\nENTRYPOINT [\"e\"]", on: base).command == nil)
    #expect(
      try config("FROM a\nCMD c\nENTRYPOINT [\"e\"]", on: base).command == ["/bin/sh", "-c", "c"])
    #expect(try config("FROM a AS b\nCMD c\nFROM b\nENTRYPOINT e", on: base).command == nil)
    #expect(try config("FROM a\nUSER u", on: base).command == ["old"])
    #expect(try config("FROM a\nENTRYPOINT []", on: base).entrypoint == [])
  }

  @Test func `fields of the base survive`() throws {
    var base = RunConfiguration()
    base.other = ["Memory": .integer(7)]
    base.labels = ["a": "1", "b": "1"]
    base.volumes = ["/old"]
    base.workingDirectory = "srv"
    let result = try config(
      "FROM a\nLABEL b=2 \"c d\"='3 4'\nVOLUME /new [\nWORKDIR x/../y/", on: base)
    #expect(result.other == base.other)
    #expect(result.labels == ["a": "1", "b": "2", "c d": "3 4"])
    #expect(result.volumes == ["/old", "/new", "["])
    #expect(result.workingDirectory == "/srv/y")
  }

  @Test func `labels from the options go on the result only`() throws {
    var planning = Planning()
    planning.options.labels = ["a": "option"]
    let plan = try planning.plan("FROM x AS y\nLABEL a=b\nFROM y")
    #expect(plan.stages.map { $0.configuration.config.labels["a"] } == ["b", "option"])
  }

  @Test func `each instruction leaves its history`() throws {
    var planning = Planning()
    let stage = try planning.target(
      #"""
      FROM a
      ENV A=b C="d e"
      LABEL l=1
      WORKDIR /app
      WORKDIR src
      USER 10:20
      EXPOSE 80 90-91/UDP $A:443
      VOLUME ["/v 1", "/w"]
      CMD ["x", "a \"q\""]
      ENTRYPOINT exec $A
      SHELL ["/bin/bash", "-c"]
      STOPSIGNAL SIGQUIT
      HEALTHCHECK --interval=90s --timeout=1500ms --retries=3 CMD curl -f x || exit 1
      MAINTAINER me <me@x>
      COPY --chown=1:2 --chmod=0644 a b /c/
      RUN echo hi
      """#.replacing("$A:443", with: "443"))
    #expect(
      stage.history == [
        "ENV A=b C=d e", "LABEL l=1", "WORKDIR /app", "WORKDIR /app/src", "USER 10:20",
        "EXPOSE [80/tcp 90/udp 91/udp 443/tcp]", "VOLUME [/v 1 /w]", #"CMD ["x" "a \"q\""]"#,
        #"ENTRYPOINT ["/bin/sh" "-c" "exec $A"]"#, "SHELL [/bin/bash -c]", "STOPSIGNAL SIGQUIT",
        "HEALTHCHECK {Test:[CMD-SHELL curl -f x || exit 1] Interval:1m30s Timeout:1.5s "
          + "StartPeriod:0s StartInterval:0s Retries:3}",
        "MAINTAINER me <me@x>", "COPY --chown=1:2 --chmod=0644 a b /c/", "RUN /bin/bash -c echo hi",
      ])
    let config = stage.configuration.config
    #expect(config.exposedPorts == ["80/tcp", "90/udp", "91/udp", "443/tcp"])
    #expect(config.healthcheck?.intervalInNanoseconds == 90_000_000_000)
    #expect(config.stopSignal == "SIGQUIT")
    #expect(config.user == "10:20")
    #expect(stage.configuration.author == "me <me@x>")
    #expect(stage.runs[0].workingDirectory == "/app/src")
    #expect(stage.runs[0].user == "10:20")
  }

  @Test func `WORKDIR makes directories for the user in force`() throws {
    var planning = Planning()
    let stage = try planning.target("FROM a\nWORKDIR /\nUSER u\nWORKDIR w")
    #expect(
      stage.steps.map(\.action) == [
        .configure, .configure, .makeWorkingDirectory(WorkingDirectoryStep(path: "/w", user: "u")),
      ])
  }

  @Test(arguments: [
    ("1", true), ("64", true), ("0", false), ("65", false), ("SIGTERM", true), ("term", true),
    ("SIGRTMIN+3", true), ("RTMAX-15", false), ("SIG", false), ("", false),
  ])
  func `a signal is a number or a name`(signal: String, isOne: Bool) {
    let result = try? config("FROM a\nARG s=\"\(signal)\"\nSTOPSIGNAL $s")
    #expect((result != nil) == isOne)
  }
}
