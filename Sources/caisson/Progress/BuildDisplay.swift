// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI
import Synchronization

/// Shows one build: takes events from anywhere, writes to standard error (and, for `executor`,
/// what RUN writes to where it was written).
final class BuildDisplay: Sendable {
  private enum Renderer {
    case log(LogFormat, hasTimestamps: Bool)
    case plain(PlainProgress)
    case terminal(TerminalView, TerminalFrame)
    case json
    case quiet

    init(_ style: DisplayOptions.Style) {
      switch style {
      case .log(let format, let hasTimestamps): self = .log(format, hasTimestamps: hasTimestamps)
      case .progress(.tty): self = .terminal(TerminalView(), TerminalFrame())
      case .progress(.json): self = .json
      case .progress(.quiet): self = .quiet
      case .progress(.plain), .progress(.auto): self = .plain(PlainProgress())
      }
    }
  }

  private let renderer: Mutex<Renderer>
  private let level: Log.Level
  private let start = ContinuousClock.now

  init(_ options: DisplayOptions) {
    level = options.level
    renderer = Mutex(Renderer(options.style))
  }

  var sinceStart: Duration { ContinuousClock.now - start }

  var log: Log { Log(threshold: level) { [self] event in receive(event) } }

  var progress: ProgressReporter { ProgressReporter { [self] event in receive(event) } }

  /// Draws what is under way; call it ten times a second while a build runs.
  func refresh() {
    renderer.withLock { renderer in
      if case .terminal(var view, var frame) = renderer {
        renderer = .quiet  // so that the values below are not copied when they change
        paint(&view, &frame, hasLive: true)
        renderer = .terminal(view, frame)
      }
    }
  }

  /// Shows the last lines and gives the terminal back; what comes later is shown plainly.
  func end() {
    renderer.withLock { renderer in
      if case .terminal(var view, var frame) = renderer {
        paint(&view, &frame, hasLive: false)
        StandardStream.error.show(frame.end())
        renderer = .plain(PlainProgress())
      }
    }
  }

  func show(_ report: BuildReport) {
    let style = renderer.withLock { $0 }
    switch style {
    case .log: for line in summaryLines(report) { log.info(line) }
    case .json: write(jsonProgressLine(report, sinceStart: sinceStart))
    case .plain, .terminal: summaryLines(report).forEach(write)
    case .quiet: break
    }
  }

  func show(_ diagnostic: Diagnostic, of command: BuildCommand) {
    if case .json = renderer.withLock({ $0 }) {
      write(jsonProgressLine(diagnostic, sinceStart: sinceStart))
    } else {
      write(renderedFailure(diagnostic, of: command))
    }
  }

  private func receive(_ event: ProgressEvent) {
    renderer.withLock { renderer in
      switch renderer {
      case .log(let format, let hasTimestamps):
        if case .stepOutput(_, let bytes, let isError) = event {
          try? (isError ? StandardStream.error : .output).write(bytes)
        }
        for line in kanikoLines(event) where line.level <= level {
          write(
            Log.Event(level: line.level, message: line.text, fields: []), format, hasTimestamps)
        }
      case .plain(var view):
        renderer = .quiet
        view.lines(for: event).forEach(write)
        renderer = .plain(view)
      case .terminal(var view, let frame):
        renderer = .quiet
        view.apply(event, now: sinceStart)
        renderer = .terminal(view, frame)
      case .json: write(jsonProgressLine(event, sinceStart: sinceStart))
      case .quiet: break
      }
    }
  }

  private func receive(_ event: Log.Event) {
    if case .log(let format, let hasTimestamps) = renderer.withLock({ $0 }) {
      write(event, format, hasTimestamps)
      return
    }
    let fields = event.fields.map { " \($0.name)=\($0.value)" }.joined()
    let text = event.message + fields
    receive(
      event.level <= .warn
        ? ProgressEvent.warning(Diagnostic(text, severity: .warning)) : .message(text))
  }

  private func paint(_ view: inout TerminalView, _ frame: inout TerminalFrame, hasLive: Bool) {
    let size = StandardStream.error.terminalSize ?? (columns: 80, rows: 24)
    // The last column is left free: some terminals wrap when it is written to.
    let width = max(20, size.columns) - 1
    let settled = view.takeSettledLines(width: width)
    let live =
      hasLive ? view.liveLines(now: sinceStart, width: width, height: size.rows - 2) : []
    StandardStream.error.show(frame.paint(settled: settled, live: live, width: size.columns))
  }

  private func write(_ event: Log.Event, _ format: LogFormat, _ hasTimestamps: Bool) {
    let moment = LogMoment(sinceStart: sinceStart, secondsSince1970: FileTime.now.seconds)
    write(logLine(event, at: moment, format: format, hasTimestamps: hasTimestamps))
  }

  private func write(_ line: String) { StandardStream.error.show(line + "\n") }
}
