// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI
import Testing

@testable import caisson

/// A small build: one cached step, one that writes and fails, a download.
let story: [ProgressEvent] = [
  .stageStarted(StageProgress(index: 0, name: "build", base: "debian:12", stepCount: 2)),
  .transfer(transfer(0)),
  .transfer(transfer(20_000_000)),
  .transfer(transfer(50_000_000)),
  .stepStarted(
    id: StepID(1), StepProgress(text: "COPY . /src", stage: "build", number: 1, count: 2)),
  .stepFinished(id: StepID(1), StepOutcome(duration: .milliseconds(40), layerSizeInBytes: 1234)),
  .stepStarted(
    id: StepID(2), StepProgress(text: "RUN make", stage: "build", number: 2, count: 2)),
  .stepOutput(id: StepID(2), bytes: Array("cc -c a.c\nhalf".utf8), isError: false),
  .stepOutput(
    id: StepID(2), bytes: Array("\u{1B}[31mred\u{1B}[0m \u{7}bell\n".utf8), isError: true),
  .warning(
    Diagnostic("old syntax", severity: .warning, in: .init(file: "Dockerfile"), help: "renew")),
  .stepFailed(id: StepID(2), duration: .seconds(65)),
]

private func transfer(_ done: Int64) -> TransferProgress {
  TransferProgress(
    id: "t", direction: .pull, label: "debian:12 0123456789ab", doneInBytes: done,
    totalInBytes: 50_000_000)
}

@Suite struct ProgressTests {
  @Test func `plain progress has a line for the start and the end of each step`() {
    var plain = PlainProgress()
    #expect(
      story.flatMap { plain.lines(for: $0) } == [
        "pull debian:12 0123456789ab, 50.0 MB",
        "pull debian:12 0123456789ab done, 50.0 MB",
        "#1 [build 1/2] COPY . /src",
        "#1 DONE 0.0s, layer of 1.2 kB",
        "#2 [build 2/2] RUN make",
        "#2 | cc -c a.c",
        "#2 | red \\u{7}bell",
        "warning: old syntax", "  --> Dockerfile", "  = help: renew",
        "#2 | half",
        "#2 ERROR after 1m05s",
      ])
  }

  @Test func `json progress has one object for each event`() {
    #expect(
      story.map { jsonProgressLine($0, sinceStart: .milliseconds(1500)) }.prefix(9) == [
        #"{"base":"debian:12","event":"stageStarted","index":0,"name":"build","seconds":1.5,"steps":2}"#,
        #"{"direction":"pull","doneInBytes":0,"event":"transfer","id":"t","label":"debian:12 0123456789ab","seconds":1.5,"totalInBytes":50000000}"#,
        #"{"direction":"pull","doneInBytes":20000000,"event":"transfer","id":"t","label":"debian:12 0123456789ab","seconds":1.5,"totalInBytes":50000000}"#,
        #"{"direction":"pull","doneInBytes":50000000,"event":"transfer","id":"t","label":"debian:12 0123456789ab","seconds":1.5,"totalInBytes":50000000}"#,
        #"{"count":2,"event":"stepStarted","number":1,"seconds":1.5,"stage":"build","step":1,"text":"COPY . /src"}"#,
        #"{"cached":false,"duration":0.04,"event":"stepFinished","layerSizeInBytes":1234,"seconds":1.5,"step":1}"#,
        #"{"count":2,"event":"stepStarted","number":2,"seconds":1.5,"stage":"build","step":2,"text":"RUN make"}"#,
        #"{"event":"stepOutput","seconds":1.5,"step":2,"stream":"stdout","text":"cc -c a.c\nhalf"}"#,
        #"{"event":"stepOutput","seconds":1.5,"step":2,"stream":"stderr","text":"\u001b[31mred\u001b[0m \u0007bell\n"}"#,
      ])
    let failure = Diagnostic(
      "no such stage", in: .init(file: "Dockerfile", range: SourceRange(line: 3, columns: 6..<9)),
      help: "write one")
    #expect(
      jsonProgressLine(failure, sinceStart: .zero)
        == #"{"column":6,"event":"error","file":"Dockerfile","help":"write one","line":3,"#
        + #""message":"no such stage","seconds":0}"#)
  }

  @Test func `a warning of a log has its place on its line`() {
    let warning = Diagnostic(
      "old", severity: .warning,
      in: .init(file: "Dockerfile", range: SourceRange(line: 3, columns: 6..<9)))
    #expect(kanikoLines(.warning(warning)).map(\.text) == ["Dockerfile:3:6: old"])
    #expect(
      jsonProgressLine(.warning(warning), sinceStart: .zero)
        == #"{"column":6,"event":"warning","file":"Dockerfile","line":3,"message":"old","seconds":0}"#
    )
  }

  @Test func `the summary says what was made and where it went`() throws {
    #expect(
      summaryLines(try report()) == [
        "built \(try zeroDigest()), 45.2 MB in 4 layers, 12.3s, 2 of 5 steps cached",
        "  pushed r.example/app:1\\u{1b}",
      ])
    #expect(
      jsonProgressLine(try report(), sinceStart: .zero).contains(#""places":["pushed r.example"#))
  }

  @Test(
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
      (12_345_678, "12.3 MB"), (5_000_000_000, "5.0 GB"), (Int64.max, "9.2 EB"), (-1, "0 B"),
    ] as [(Int64, String)])
  func `sizes are short`(_ size: Int64, _ expected: String) { #expect(sizeText(size) == expected) }

  @Test(arguments: [
    (0, "0.0s"), (340, "0.3s"), (59_940, "59.9s"), (59_960, "1m00s"), (125_000, "2m05s"),
    (3_720_000, "1h02m"),
  ])
  func `durations are short`(_ milliseconds: Int, _ expected: String) {
    #expect(durationText(.milliseconds(milliseconds)) == expected)
  }
}

func zeroDigest() throws -> Digest {
  try #require(Digest("sha256:" + String(repeating: "0", count: 64)))
}

func report() throws -> BuildReport {
  BuildReport(
    manifest: Descriptor(mediaType: .ociManifest, digest: try zeroDigest(), size: 500),
    configurationDigest: Digest("sha256:" + String(repeating: "1", count: 64)),
    sizeInBytes: 45_200_000, layerCount: 4, places: ["pushed r.example/app:1\u{1B}"],
    duration: .milliseconds(12_340), stepCount: 5, cachedStepCount: 2)
}
