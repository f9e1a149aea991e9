// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// What a terminal shows of a build: lines that are settled and scroll away, and below them the
/// lines of what is under way. A value; ``TerminalDisplay`` puts it on the screen.
struct TerminalView: Sendable {
  fileprivate struct RunningStep {
    var step: StepProgress
    var started: Duration
    var output = LineSplitter()
    var errors = LineSplitter()
    /// The last lines it wrote.
    var tail: [String] = []
  }

  fileprivate struct RunningTransfer {
    var transfer: TransferProgress
    var started: Duration
  }

  private var running: [StepID: RunningStep] = [:]
  private var transfers: [RunningTransfer] = []
  private var settled: [String] = []

  /// Lines of output below a running step.
  static let tailWhileRunning = 4
  /// Lines of output that stay when a step failed.
  static let tailAfterFailure = 20

  init() {}

  /// Takes an event in.
  ///
  /// - Parameter now: Time since the build began.
  mutating func apply(_ event: ProgressEvent, now: Duration) {
    switch event {
    case .stepStarted(let id, let step): running[id] = RunningStep(step: step, started: now)
    case .stepOutput(let id, let bytes, let isError):
      running[id]?.add(bytes, isError: isError)
    case .stepFinished(let id, let outcome):
      guard let step = running.removeValue(forKey: id)?.step else { return }
      let end = outcome.isCached ? "CACHED" : durationText(outcome.duration)
      settled.append(mark + oneLine(step.title) + fieldSeparator + end)
    case .stepFailed(let id, let duration):
      guard var step = running.removeValue(forKey: id) else { return }
      step.finish()
      settled.append(
        mark + oneLine(step.step.title) + fieldSeparator + "ERROR \(durationText(duration))")
      settled += step.tail.map { "    | " + $0 }
    case .transfer(let transfer): apply(transfer, now: now)
    case .warning(let diagnostic): settled += renderedLines(diagnostic)
    case .message(let text): settled.append(oneLine(text))
    case .stageStarted, .phase: break
    }
  }

  private mutating func apply(_ transfer: TransferProgress, now: Duration) {
    let place = transfers.firstIndex { $0.transfer.id == transfer.id }
    if transfer.isDone {
      // It leaves no line: one for each layer would drown those of the steps.
      if let place { transfers.remove(at: place) }
    } else if let place {
      transfers[place].transfer = transfer
    } else {
      transfers.append(RunningTransfer(transfer: transfer, started: now))
    }
  }

  /// The lines that settled since the last call, for a terminal of `width` columns.
  mutating func takeSettledLines(width: Int) -> [String] {
    defer { settled = [] }
    return settled.map { aligned($0, width) }
  }

  /// The lines of what is under way, no more than `height`.
  func liveLines(now: Duration, width: Int, height: Int) -> [String] {
    let steps = running.sorted { $0.key < $1.key }.map(\.value)
    var heads = steps.map { step in
      let time = durationText(now - step.started)
      return [aligned(mark + oneLine(step.step.title) + fieldSeparator + time, width)]
    }
    let transferLines = transfers.map { line(for: $0, now: now, width) }
    // Titles and transfers go first; what room is left is for output.
    var room = height - heads.count - transferLines.count
    for (index, step) in steps.enumerated() {
      let tail = step.recent.suffix(max(0, min(Self.tailWhileRunning, room)))
      room -= tail.count
      heads[index] += tail.map { truncated("    | " + $0, to: width) }
    }
    return Array((heads.flatMap { $0 } + transferLines).prefix(max(0, height)))
  }

  private func line(for running: RunningTransfer, now: Duration, _ width: Int) -> String {
    let transfer = running.transfer
    let total = transfer.totalInBytes.map { " of \(sizeText($0))" } ?? ""
    let label = "\(transfer.direction.rawValue) \(oneLine(transfer.label))"
    return aligned(
      mark + "\(label) \(sizeText(transfer.doneInBytes))\(total)" + fieldSeparator
        + durationText(now - running.started), width)
  }
}

extension TerminalView.RunningStep {
  fileprivate mutating func add(_ bytes: [UInt8], isError: Bool) {
    let lines = isError ? errors.add(bytes) : output.add(bytes)
    keep(lines)
  }

  fileprivate mutating func finish() {
    keep([output.finish(), errors.finish()].compactMap { $0 })
  }

  private mutating func keep(_ lines: [[UInt8]]) {
    tail += lines.suffix(TerminalView.tailAfterFailure).map { plainText($0) }
    tail.removeFirst(max(0, tail.count - TerminalView.tailAfterFailure))
  }

  /// The tail and the lines that have not ended.
  fileprivate var recent: [String] {
    tail + [output.unfinished, errors.unfinished].filter { !$0.isEmpty }.map { plainText($0) }
  }
}

private let mark = " => "
/// Between a line's text and what stands at the right margin; no text from outside has it.
private let fieldSeparator = "\u{0}"

/// The text at the left margin, cut if need be, the time at the right. A line without a time may
/// be of any length: what people must read in full is left to the terminal to wrap.
private func aligned(_ line: String, _ width: Int) -> String {
  let parts = line.split(separator: fieldSeparator, maxSplits: 1)
  guard parts.count == 2 else { return line }
  let right = String(parts[1])
  let left = truncated(String(parts[0]), to: max(0, width - displayWidth(right) - 1))
  let gap = max(1, width - displayWidth(left) - displayWidth(right))
  return truncated(left + String(repeating: " ", count: gap) + right, to: width)
}
