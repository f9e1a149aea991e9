// SPDX-License-Identifier: Apache-2.0

/// The bytes that bring a terminal from one picture to the next.
struct TerminalFrame: Hashable, Sendable {
  /// The live lines on the screen, the cursor in the line below them.
  private var painted: [String] = []
  private var hidesCursor = false

  /// Replaces the live lines; `settled` stays above them for good.
  ///
  /// - Parameter width: Of the terminal now; painted lines that are longer have been wrapped by it.
  /// - Returns: Empty when nothing changed.
  mutating func paint(settled: [String], live: [String], width: Int) -> String {
    guard !settled.isEmpty || live != painted else { return "" }
    var out = hidesCursor || live.isEmpty ? "" : "\u{1B}[?25l"
    hidesCursor = hidesCursor || !live.isEmpty
    let rows = painted.reduce(0) {
      $0 + max(1, (displayWidth($1) + max(1, width) - 1) / max(1, width))
    }
    if rows > 0 { out += "\r\u{1B}[\(rows)A" }
    out += "\u{1B}[J"
    for line in settled + live { out += line + "\n" }
    painted = live
    return out
  }

  /// Gives the terminal back.
  mutating func end() -> String {
    painted = []
    defer { hidesCursor = false }
    return hidesCursor ? "\u{1B}[?25h" : ""
  }
}
