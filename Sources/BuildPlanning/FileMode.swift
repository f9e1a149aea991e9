// SPDX-License-Identifier: Apache-2.0

/// What `--chmod` makes of a file's permission bits: a number, or chmod(1)'s symbolic changes.
package enum FileMode: Hashable, Sendable {
  /// Set-ids and the sticky bit included.
  case exact(UInt32)
  case changes([Change])

  /// One `[ugoa...][+-=]...` of the comma-separated list.
  package struct Change: Hashable, Sendable {
    /// Bits of the classes that are named: `0o4700` for `u`.
    var classes: UInt32
    /// No class was named: bits that a umask of 022 takes are left alone.
    var isMasked: Bool
    var actions: [Action]
  }

  package struct Action: Hashable, Sendable {
    enum Operation: Hashable, Sendable { case add, remove, set }
    enum Permissions: Hashable, Sendable {
      /// For all classes; those not meant are masked out. `X` counts for directories and what
      /// somebody may execute already.
      case bits(UInt32, executesConditionally: Bool)
      /// As that class has them now: the number of places to its bits.
      case copied(shift: UInt32)
    }

    var operation: Operation
    var permissions: Permissions
  }

  package init?(_ text: String) {
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let bits = UInt32(text, radix: 8), bits <= 0o7777 else { return nil }
      self = .exact(bits)
      return
    }
    var changes: [Change] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let change = Change(part) else { return nil }
      changes.append(change)
    }
    self = .changes(changes)
  }

  package func applied(to permissions: UInt32, isDirectory: Bool) -> UInt32 {
    switch self {
    case .exact(let bits): bits
    case .changes(let changes):
      changes.reduce(permissions) { $1.applied(to: $0, isDirectory: isDirectory) }
    }
  }
}

extension FileMode.Change {
  fileprivate init?(_ text: Substring) {
    var rest = text
    classes = 0
    while let letter = rest.first, let bits = Self.classBits[letter] {
      classes |= bits
      rest = rest.dropFirst()
    }
    isMasked = classes == 0
    if isMasked { classes = 0o7777 }
    actions = []
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      guard let action = FileMode.Action(&rest) else { return nil }
      actions.append(action)
    }
  }

  private static let classBits: [Character: UInt32] = [
    "u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777,
  ]

  fileprivate func applied(to permissions: UInt32, isDirectory: Bool) -> UInt32 {
    var result = permissions
    for action in actions {
      var bits = action.bits(of: result, isDirectory: isDirectory) & classes
      if isMasked { bits &= ~0o022 }
      switch action.operation {
      case .add: result |= bits
      case .remove: result &= ~bits
      case .set:
        // As GNU chmod: "=" leaves a directory its set-ids unless they are named.
        let kept: UInt32 = isDirectory ? 0o6000 : 0
        result = result & ~(classes & ~kept) | bits
      }
    }
    return result
  }
}

extension FileMode.Action {
  fileprivate init?(_ rest: inout Substring) {
    switch rest.popFirst() {
    case "+": operation = .add
    case "-": operation = .remove
    case "=": operation = .set
    default: return nil
    }
    let shifts: [Character: UInt32] = ["u": 6, "g": 3, "o": 0]
    if let letter = rest.first, let shift = shifts[letter] {
      rest = rest.dropFirst()
      permissions = .copied(shift: shift)
      return
    }
    var bits: UInt32 = 0
    var conditional = false
    while let letter = rest.first, letter != "+", letter != "-", letter != "=" {
      switch letter {
      case "r": bits |= 0o444
      case "w": bits |= 0o222
      case "x": bits |= 0o111
      case "X": conditional = true
      case "s": bits |= 0o6000
      case "t": bits |= 0o1000
      default: return nil
      }
      rest = rest.dropFirst()
    }
    permissions = .bits(bits, executesConditionally: conditional)
  }

  fileprivate func bits(of permissions: UInt32, isDirectory: Bool) -> UInt32 {
    switch self.permissions {
    case .bits(let bits, let conditional):
      let executes = conditional && (isDirectory || permissions & 0o111 != 0)
      return executes ? bits | 0o111 : bits
    case .copied(let shift):
      let bits = permissions >> shift & 0o7
      return bits | bits << 3 | bits << 6
    }
  }
}
