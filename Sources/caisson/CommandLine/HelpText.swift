// SPDX-License-Identifier: Apache-2.0

/// What `caisson help COMMAND` prints.
func helpText(for command: Command, width: Int = 80) -> String {
  let hasOptions = command.options.contains { $0.standing == .carriedOut }
  let usage = ["usage: caisson", command.name, hasOptions ? "[OPTIONS]" : "", command.synopsis]
    .filter { !$0.isEmpty }.joined(separator: " ")
  var blocks = [command.summary, usage]
  for heading in Option.Heading.allCases {
    let options = command.options.filter { $0.heading == heading && $0.standing == .carriedOut }
    guard !options.isEmpty else { continue }
    blocks.append(
      "\(heading.rawValue):\n" + options.map { entry($0, width) }.joined(separator: "\n"))
  }
  blocks += command.notes.map { wrapped($0, width).joined(separator: "\n") }
  return blocks.joined(separator: "\n\n") + "\n"
}

/// What `caisson help` prints.
func overviewText() -> String {
  let widest = Command.all.map(\.name.count).max() ?? 0
  let lines = Command.all.map { "  " + padded($0.name, to: widest + 3) + $0.summary }
  return """
    Builds container images from Dockerfiles, without a daemon.

    usage: caisson COMMAND [OPTIONS]

    Commands:
    \(lines.joined(separator: "\n"))

    "caisson help COMMAND" explains one. Called by the name "executor", the program is
    "caisson executor".

    """
}

private let summaryColumn = 30

private func entry(_ option: Option, _ width: Int) -> String {
  let short = option.short.map { "-\($0), " } ?? "    "
  let head = "  \(short)\(option.spelling)" + placeholder(option)
  var summary = option.summary
  if case .choice(let words) = option.kind { summary += ": \(oneOf(words))" }
  if let standard = option.standard { summary += " (default: \(standard))" }
  if option.isRepeatable { summary += "; repeatable" }
  if !option.otherNames.isEmpty {
    summary += "; also " + option.otherNames.map { "--\($0)" }.joined(separator: ", ")
  }
  let lines = wrapped(summary, max(20, width - summaryColumn))
  let margin = String(repeating: " ", count: summaryColumn)
  let fits = head.count < summaryColumn
  let first = fits ? padded(head, to: summaryColumn) + (lines.first ?? "") : head
  return ([first] + lines.dropFirst(fits ? 1 : 0).map { margin + $0 }).joined(separator: "\n")
}

private func placeholder(_ option: Option) -> String {
  switch option.kind {
  case .flag: ""
  case .value(let placeholder): " \(placeholder)"
  case .choice: " WORD"
  }
}

/// Breaks at blanks; a word longer than a line stands alone.
func wrapped(_ text: String, _ width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.count + 1 + word.count > width {
      lines.append(line)
      line = ""
    }
    line += (line.isEmpty ? "" : " ") + word
  }
  return line.isEmpty ? lines : lines + [line]
}

/// Filled with blanks at the right.
func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
