// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// Something that happened during a build. Renderers decide whether and how it shows.
enum ProgressEvent: Hashable, Sendable {
  case stageStarted(StageProgress)
  case stepStarted(id: StepID, StepProgress)
  /// A piece of what a command wrote, as it came.
  case stepOutput(id: StepID, bytes: [UInt8], isError: Bool)
  case stepFinished(id: StepID, StepOutcome)
  case stepFailed(id: StepID, duration: Duration)
  /// Bytes under way; the same id again with more, `done == total` at the end.
  case transfer(TransferProgress)
  case phase(BuildPhase)
  /// Its severity is warning.
  case warning(Diagnostic)
  case message(String)
}

/// A number that stands for a step in one build; from 1, in the order the steps are announced.
struct StepID: Hashable, Sendable, Comparable {
  var number: Int

  init(_ number: Int) { self.number = number }

  static func < (a: StepID, b: StepID) -> Bool { a.number < b.number }
}

struct StageProgress: Hashable, Sendable {
  /// Position in the Dockerfile, from 0.
  var index: Int
  var name: String?
  /// What FROM names, after expansion.
  var base: String
  /// The position of the stage it is based on.
  var baseIndex: Int?
  var stepCount: Int
}

struct StepProgress: Hashable, Sendable {
  /// The instruction on one line.
  var text: String
  /// The stage's name, or `stage-1`.
  var stage: String
  /// From 1.
  var number: Int
  var count: Int
  /// What RUN starts; empty for other steps.
  var arguments: [String] = []

  /// `[build 2/5] RUN make`.
  var title: String { "[\(stage) \(number)/\(count)] \(text)" }
}

struct StepOutcome: Hashable, Sendable {
  var duration: Duration
  var isCached = false
  /// Compressed; nil where the step made no layer.
  var layerSizeInBytes: Int64?
}

struct TransferProgress: Hashable, Sendable {
  enum Direction: String, Hashable, Sendable {
    case pull, push, unpack
  }

  /// Unlike that of any other transfer of the build.
  var id: String
  var direction: Direction
  /// For people: `docker.io/library/debian sha256:0123456789ab`.
  var label: String
  var doneInBytes: Int64
  var totalInBytes: Int64?

  var isDone: Bool { totalInBytes.map { doneInBytes >= $0 } ?? false }
}

/// Where a build has come to, for those who watch kaniko's log lines.
enum BuildPhase: Hashable, Sendable {
  case retrievingManifest(String)
  case retrievingImage(String, registry: String)
  case unpackingBase(instruction: String)
  case unpackingSkipped
  case takingFullSnapshot
  case takingFileSnapshot
  case noFilesChanged
  case usingIgnoreFile(String)
  case pushing(String)
  /// A reference with digest.
  case pushed(String)
  case pushSkipped
}

/// Where events are sent. Pass it down; it may be called from anywhere at once.
struct ProgressReporter: Sendable {
  private let receive: @Sendable (ProgressEvent) -> Void

  init(_ receive: @escaping @Sendable (ProgressEvent) -> Void) { self.receive = receive }

  func post(_ event: ProgressEvent) { receive(event) }

  static let silent = ProgressReporter { _ in }
}
