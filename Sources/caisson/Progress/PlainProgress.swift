// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// One line for the start and one for the end of each step, and each line of its output between
/// them, for logs and pipes.
struct PlainProgress: Sendable {
  private struct RunningStep {
    var output = LineSplitter()
    var errors = LineSplitter()
  }

  private var running: [StepID: RunningStep] = [:]
  private var shownTransfers: Set<String> = []

  /// The lines an event adds.
  mutating func lines(for event: ProgressEvent) -> [String] {
    switch event {
    case .stepStarted(let id, let step):
      running[id] = RunningStep()
      return ["\(mark(id)) \(oneLine(step.title))"]
    case .stepOutput(let id, let bytes, let isError):
      return output(of: id, bytes, isError: isError)
    case .stepFinished(let id, let outcome):
      return rest(of: id) + ["\(mark(id)) \(ending(outcome))"]
    case .stepFailed(let id, let duration):
      return rest(of: id) + ["\(mark(id)) ERROR after \(durationText(duration))"]
    case .transfer(let transfer): return lines(for: transfer)
    case .warning(let diagnostic): return renderedLines(diagnostic)
    case .message(let text): return [oneLine(text)]
    case .stageStarted, .phase: return []
    }
  }

  private func mark(_ id: StepID) -> String { "#\(id.number)" }

  private func ending(_ outcome: StepOutcome) -> String {
    if outcome.isCached { return "CACHED" }
    let layer = outcome.layerSizeInBytes.map { ", layer of \(sizeText($0))" } ?? ""
    return "DONE \(durationText(outcome.duration))\(layer)"
  }

  private mutating func output(of id: StepID, _ bytes: [UInt8], isError: Bool) -> [String] {
    let lines =
      isError
      ? running[id, default: RunningStep()].errors.add(bytes)
      : running[id, default: RunningStep()].output.add(bytes)
    return lines.map { "\(mark(id)) | \(plainText($0))" }
  }

  private mutating func rest(of id: StepID) -> [String] {
    guard var step = running.removeValue(forKey: id) else { return [] }
    return [step.output.finish(), step.errors.finish()].compactMap { $0 }
      .map { "\(mark(id)) | \(plainText($0))" }
  }

  /// A transfer shows when it begins and when it is done.
  private mutating func lines(for transfer: TransferProgress) -> [String] {
    let isNew = shownTransfers.insert(transfer.id).inserted
    let label = "\(transfer.direction.rawValue) \(oneLine(transfer.label))"
    if transfer.isDone { return ["\(label) done, \(sizeText(transfer.doneInBytes))"] }
    guard isNew else { return [] }
    return ["\(label)\(transfer.totalInBytes.map { ", \(sizeText($0))" } ?? "")"]
  }
}

/// A diagnostic's lines for a terminal.
func renderedLines(_ diagnostic: Diagnostic) -> [String] {
  diagnostic.rendered().split(whereSeparator: \.isNewline).map(String.init)
}

/// Text from outside, safe and without line breaks.
func oneLine(_ text: String) -> String {
  escapedForTerminal(text).split(whereSeparator: \.isNewline).joined(separator: " ")
}
