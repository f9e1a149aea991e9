// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import Testing

@testable import caisson

@Suite struct LogLineTests {
  private static let moment = LogMoment(
    sinceStart: .milliseconds(7900), secondsSince1970: 1_700_000_000)
  private static let plain = Log.Event(level: .info, message: "Pushing image to r.example/app")
  private static let fielded = Log.Event(
    level: .warn, message: "say \"hi\"", fields: [("size", "12"), ("path", "a b")])
  private static let hostile = Log.Event(level: .error, message: "x\u{1B}[2Jy")

  @Test func `colour lines fill the message up to 44 columns`() {
    #expect(
      line(Self.plain, .color)
        == "\u{1B}[36mINFO\u{1B}[0m[0007] Pushing image to r.example/app               ")
    #expect(
      line(Self.fielded, .color)
        == "\u{1B}[33mWARN\u{1B}[0m[0007] say \"hi\"                                     "
        + " \u{1B}[33msize\u{1B}[0m=12 \u{1B}[33mpath\u{1B}[0m=\"a b\"")
    #expect(
      line(Self.plain, .color, hasTimestamps: true).hasPrefix(
        "\u{1B}[36mINFO\u{1B}[0m[2023-11-14T22:13:20Z] Pushing"))
  }

  @Test func `text lines are logfmt`() {
    #expect(
      line(Self.plain, .text)
        == #"time="2023-11-14T22:13:20Z" level=info msg="Pushing image to r.example/app""#)
    #expect(
      line(Self.fielded, .text)
        == #"time="2023-11-14T22:13:20Z" level=warning msg="say \"hi\"" size=12 path="a b""#)
  }

  @Test func `json lines are one object each`() {
    #expect(
      line(Self.fielded, .json)
        == #"{"level":"warning","msg":"say \"hi\"","path":"a b","size":"12","#
        + #""time":"2023-11-14T22:13:20Z"}"#)
  }

  @Test(arguments: [LogFormat.color, .text, .json])
  func `text from outside cannot drive the terminal`(_ format: LogFormat) {
    #expect(!line(Self.hostile, format).contains("\u{1B}[2J"))
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_709_251_199, "2024-02-29T23:59:59Z"), (4_102_444_800, "2100-01-01T00:00:00Z"),
      (-1, "1969-12-31T23:59:59Z"), (-2_203_891_200, "1900-03-01T00:00:00Z"),
      (253_402_300_799, "9999-12-31T23:59:59Z"), (Int64.max, "9999-12-31T23:59:59Z"),
      (Int64.min, "0000-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func `a moment is written as RFC 3339`(_ seconds: Int64, _ expected: String) {
    #expect(rfc3339(secondsSince1970: seconds) == expected)
  }

  @Test func `events become the lines scripts look for`() {
    func texts(_ event: ProgressEvent) -> [String] { kanikoLines(event).map(\.text) }
    #expect(
      texts(
        .stepStarted(
          id: StepID(1),
          StepProgress(
            text: "RUN make all", stage: "stage-0", number: 1, count: 2,
            arguments: ["/bin/sh", "-c", "make all"])))
        == [
          "RUN make all", "Cmd: /bin/sh", "Args: [-c make all]",
          "Running: [/bin/sh -c make all]",
        ])
    #expect(
      texts(.stageStarted(StageProgress(index: 0, base: "debian:12", stepCount: 2)))
        == ["Building stage 'debian:12' [idx: '0', base-idx: '-1']"])
    #expect(texts(.phase(.pushing("r/app:1"))) == ["Pushing image to r/app:1"])
    #expect(texts(.phase(.pushed("r/app@sha256:0"))) == ["Pushed r/app@sha256:0"])
    #expect(
      texts(.phase(.pushSkipped))
        == ["Skipping push to container registry due to --no-push flag"])
    #expect(
      texts(.phase(.unpackingBase(instruction: "RUN make")))
        == ["Unpacking rootfs as cmd RUN make requires it."])
  }

  private func line(_ event: Log.Event, _ format: LogFormat, hasTimestamps: Bool = false) -> String
  {
    logLine(event, at: Self.moment, format: format, hasTimestamps: hasTimestamps)
  }
}
