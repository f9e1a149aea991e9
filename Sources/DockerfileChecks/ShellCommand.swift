// SPDX-License-Identifier: Apache-2.0

/// One command of a shell's text: `apt-get -y install curl`.
struct ShellCommand: Hashable, Sendable {
  /// Program and arguments, quotes taken away; assignments and keywords before them left out.
  var words: [String]
  /// Its output goes to the next command.
  var isPiped = false
  /// It was started by `sudo`.
  var usesSudo = false

  /// Without its directory.
  var program: String {
    guard let first = words.first else { return "" }
    return first.split(separator: "/").last.map(String.init) ?? first
  }

  var arguments: ArraySlice<String> { words.dropFirst() }

  /// - Parameter names: `-k`, `--insecure`; a letter also counts among others, as in `-fsSLk`.
  func has(anyOf names: String...) -> Bool {
    arguments.contains { argument in
      names.contains { name in
        if name.hasPrefix("--") { return argument == name || argument.hasPrefix(name + "=") }
        guard argument.hasPrefix("-"), !argument.hasPrefix("--"), let letter = name.last else {
          return false
        }
        return argument.dropFirst().prefix(while: \.isLetter).contains(letter)
      }
    }
  }
}

extension ShellCommand {
  private static let keywords: Set<String> = [
    "if", "then", "elif", "else", "fi", "do", "done", "while", "until", "!", "{", "}", "time",
  ]
  /// Programs that start the one behind them.
  private static let starters: Set<String> = ["sudo", "env", "exec", "command", "nohup", "eval"]
  private static let sudoOptionsWithValue: Set<String> = ["-u", "-g", "-h", "-p", "-U", "-C"]

  /// - Returns: Nil when nothing is started.
  init?(raw: [String], isPiped: Bool) {
    var rest = raw[...]
    var usesSudo = false
    while let first = rest.first {
      if Self.keywords.contains(first) || Self.isAssignment(first) {
        rest.removeFirst()
      } else if Self.starters.contains(first) {
        if first == "sudo" { usesSudo = true }
        let behind = Self.withoutOptions(rest.dropFirst())
        guard !behind.isEmpty else { break }
        rest = behind
      } else {
        break
      }
    }
    guard !rest.isEmpty else { return nil }
    self.init(words: Array(rest), isPiped: isPiped, usesSudo: usesSudo)
  }

  private static func withoutOptions(_ words: ArraySlice<String>) -> ArraySlice<String> {
    var rest = words
    while let word = rest.first, word.hasPrefix("-") {
      rest.removeFirst()
      if sudoOptionsWithValue.contains(word), !rest.isEmpty { rest.removeFirst() }
    }
    return rest
  }

  private static func isAssignment(_ word: String) -> Bool {
    guard let equals = word.firstIndex(of: "="), equals != word.startIndex else { return false }
    let name = word[..<equals]
    return name.first?.isNumber == false
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }
}
