// SPDX-License-Identifier: Apache-2.0

/// A glob as a machine that reads a path once, however many stars there are.
///
/// One bit says "the next character may be for this token"; the bit behind the last token says
/// "matched". All tokens are tried at once, 64 in a word.
struct GlobMachine: Hashable, Sendable {
  enum Outcome: Hashable {
    case accepted
    /// No match so far; a longer path could be one.
    case undecided
    /// However the path goes on, it does not match.
    case impossible
  }

  private let tokens: [GlobToken]
  private let words: Int
  /// For each ASCII character, the tokens that it satisfies and so leaves behind; `words` each.
  private let satisfied: [UInt64]
  /// Tokens that may stand for more characters: all three kinds, and those that take a slash.
  private let staying: [UInt64]
  private let stayingOnSlash: [UInt64]
  /// Tokens that may end after any character.
  private let leaving: [UInt64]
  /// Tokens that may stand for nothing.
  private let skippable: [UInt64]

  init(_ tokens: [GlobToken]) {
    self.tokens = tokens
    words = tokens.count / 64 + 1
    let count = words
    func mask(_ isIn: (GlobToken) -> Bool) -> [UInt64] {
      var mask = [UInt64](repeating: 0, count: count)
      for (index, token) in tokens.enumerated() where isIn(token) {
        mask[index / 64] |= 1 << UInt64(index % 64)
      }
      return mask
    }
    satisfied = (0..<UInt32(128)).flatMap { unit in mask { $0.matches(unit) } }
    staying = mask { $0 == .star || $0 == .directories || $0 == .anything }
    stayingOnSlash = mask { $0 == .directories || $0 == .anything }
    leaving = mask { $0 == .star || $0 == .anything }
    skippable = staying
  }

  static func == (a: Self, b: Self) -> Bool { a.tokens == b.tokens }
  func hash(into hasher: inout Hasher) { hasher.combine(tokens) }

  /// Reads `path` from `start` on.
  ///
  /// - Parameter stopsAtParents: A match that ends where a slash follows counts.
  func run(_ path: [UInt8], from start: Int, stopsAtParents: Bool = false) -> Outcome {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: words * 2) { memory in
      memory.initialize(repeating: 0)
      let active = UnsafeMutableBufferPointer(rebasing: memory[..<words])
      let other = UnsafeMutableBufferPointer(rebasing: memory[words...])
      active[0] = 1
      followSkips(active)
      var index = start
      while index < path.count {
        let byte = path[index]
        if byte == PathBytes.slash, stopsAtParents, isAccepting(active) { return .accepted }
        if byte < 0x80 {
          step(active, isSlash: byte == PathBytes.slash) { satisfied[Int(byte) * words + $0] }
          index += 1
        } else {
          let (unit, width) = UTF8Unit.decode(path, at: index)
          collect(unit, into: other)
          step(active, isSlash: false) { other[$0] }
          index += width
        }
        if active.allSatisfy({ $0 == 0 }) { return .impossible }
      }
      return isAccepting(active) ? .accepted : .undecided
    }
  }

  private typealias Bits = UnsafeMutableBufferPointer<UInt64>

  private func isAccepting(_ active: Bits) -> Bool {
    active[tokens.count / 64] >> UInt64(tokens.count % 64) & 1 == 1
  }

  private func step(_ active: Bits, isSlash: Bool, satisfied: (Int) -> UInt64) {
    var carry: UInt64 = 0
    for word in 0..<words {
      let bits = active[word]
      let stay = bits & (isSlash ? stayingOnSlash[word] : staying[word])
      let left = (bits & satisfied(word)) | (stay & leaving[word])
      let entered = withSkips((left << 1) | carry, word)
      carry = (left >> 63) | ((entered & skippable[word]) >> 63)
      active[word] = entered | stay
    }
  }

  private func followSkips(_ active: Bits) {
    var carry: UInt64 = 0
    for word in 0..<words {
      active[word] = withSkips(active[word] | carry, word)
      carry = (active[word] & skippable[word]) >> 63
    }
  }

  private func withSkips(_ entered: UInt64, _ word: Int) -> UInt64 {
    var bits = entered
    while true {
      let more = (bits & skippable[word]) << 1 & ~bits
      if more == 0 { return bits }
      bits |= more
    }
  }

  private func collect(_ unit: UInt32, into mask: Bits) {
    mask.update(repeating: 0)
    for (index, token) in tokens.enumerated() where token.matches(unit) {
      mask[index / 64] |= 1 << UInt64(index % 64)
    }
  }
}
