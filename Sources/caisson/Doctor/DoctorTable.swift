// SPDX-License-Identifier: Apache-2.0

import Sandboxing

/// The answer for a person.
///
/// - Parameters:
///   - width: Columns of the terminal.
///   - isColored: With escape sequences.
func doctorTable(_ place: Place, width: Int, isColored: Bool) -> String {
  let style = DoctorStyle(width: max(60, min(width, 120)), isColored: isColored)
  let blocks =
    [style.verdict(place.decision)]
    + place.sections.map { section in
      style.heading(section.title) + section.rows.map(style.row).joined()
    } + (place.advice.isEmpty ? [] : [style.advice(place.advice)])
  return blocks.joined(separator: "\n")
}

private struct DoctorStyle {
  var width: Int
  var isColored: Bool

  private static let nameColumn = 11
  private static let valueColumn = 33

  func verdict(_ decision: SandboxDecision) -> String {
    guard case .none(let unavailable) = decision else {
      return bold("Sandbox: \(decision.name ?? "")") + "\n"
        + block("because " + (decision.why ?? ""), margin: 2)
    }
    return bold("Sandbox: none") + "\n"
      + unavailable.reasons.map { block($0, margin: 4, mark: "  - ") }.joined()
      + block(unavailable.help, margin: 10, mark: "  way out ")
      + block("Dockerfiles without RUN build anywhere", margin: 2)
  }

  func heading(_ title: String) -> String { bold(title) + "\n" }

  func row(_ row: PlaceRow) -> String {
    let mark = row.state == .plain ? "" : row.state.rawValue
    let head =
      "  " + colored(mark, row.state)
      + String(repeating: " ", count: Self.nameColumn - 2 - mark.count)
      + padded(oneLine(row.name), to: Self.valueColumn - Self.nameColumn - 1) + " "
    let lines = wrapped(oneLine(row.value), max(20, width - Self.valueColumn))
    let margin = String(repeating: " ", count: Self.valueColumn)
    return ([head + (lines.first ?? "")] + lines.dropFirst().map { margin + $0 })
      .joined(separator: "\n") + "\n"
  }

  func advice(_ all: [PlaceAdvice]) -> String {
    heading("What could be changed")
      + all.map { advice in
        block(advice.title, margin: 4, mark: "  * ")
          + block(advice.gain, margin: 10, mark: "    gain  ")
          + block(advice.cost, margin: 10, mark: "    cost  ")
          + advice.yaml.map { "      \($0)\n" }.joined()
          + advice.commands.map { "      # \($0)\n" }.joined()
      }.joined(separator: "\n")
  }

  /// A paragraph whose first line begins with `mark` in the margin.
  private func block(_ text: String, margin: Int, mark: String? = nil) -> String {
    let blanks = String(repeating: " ", count: margin)
    return wrapped(oneLine(text), width - margin).enumerated()
      .map { ($0.offset == 0 ? mark ?? blanks : blanks) + $0.element + "\n" }.joined()
  }

  private func bold(_ text: String) -> String { isColored ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  private func colored(_ text: String, _ state: PlaceRow.State) -> String {
    guard isColored, state != .plain else { return text }
    let color = state == .ok ? 32 : state == .limited ? 33 : 31
    return "\u{1B}[\(color)m\(text)\u{1B}[0m"
  }
}
