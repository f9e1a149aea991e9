// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization

/// What a command did to a path.
package struct FileTouch: OptionSet, Hashable, Sendable {
  package var rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The name was made, removed, or renamed, in either place; also made to lead to another inode.
  package static let name = FileTouch(rawValue: 1)
  /// Opened for writing, or truncated.
  package static let content = FileTouch(rawValue: 2)
  /// Mode, owner, times, attributes; and of a file that was given another name.
  package static let metadata = FileTouch(rawValue: 4)
}

/// The paths that a command touched, each once, with all that was done to it.
///
/// A path is that of the virtual root at the time of the touch: relative, without leading slash,
/// without symbolic link on its way; empty for the root itself. A name of a removed or renamed
/// directory stands for all that was below it, and so does the new name of a renamed directory.
package final class TouchedPaths: Sendable {
  struct Entry {
    var offset: Int
    var count: Int
    var touch: FileTouch
  }

  struct State {
    /// All paths, one behind the other.
    var bytes: [UInt8] = []
    var entries: [Entry] = []
    /// A hash table of positions in `entries`, from 1; its size is a power of two.
    var slots = [UInt32](repeating: 0, count: 256)
  }

  private let state = Mutex(State())

  package init() {}

  package var count: Int { state.withLock { $0.entries.count } }

  package func add(_ path: UnsafeBufferPointer<UInt8>, _ touch: FileTouch) {
    state.withLock { $0.add(path, touch) }
  }

  package func add(_ path: PathBytes, _ touch: FileTouch) {
    path.bytes.withUnsafeBufferPointer { add($0, touch) }
  }

  package func touch(of path: PathBytes) -> FileTouch {
    state.withLock { state in
      path.bytes.withUnsafeBufferPointer { state.slot(of: $0).known }.map {
        state.entries[$0].touch
      }
        ?? []
    }
  }

  /// All paths as a tree would be walked: a directory before what is below it, names in the order of
  /// their bytes.
  package var sorted: [(path: PathBytes, touch: FileTouch)] {
    state.withLock { state in
      state.bytes.withUnsafeBufferPointer { bytes in
        state.entries
          .map { (bytes: UnsafeBufferPointer(rebasing: bytes[$0.range]), touch: $0.touch) }
          .sorted { Self.precedes($0.bytes, $1.bytes) }
          .map { (path: PathBytes(Array($0.bytes)), touch: $0.touch) }
      }
    }
  }

  /// A slash counts as less than any byte of a name.
  private static func precedes(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>)
    -> Bool
  {
    for index in 0..<min(a.count, b.count) where a[index] != b[index] {
      if a[index] == PathBytes.slash { return true }
      if b[index] == PathBytes.slash { return false }
      return a[index] < b[index]
    }
    return a.count < b.count
  }

  /// What the file of these paths has behind its head.
  func encoded() -> (count: Int, bytes: [UInt8]) {
    state.withLock { state in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(state.bytes.count + state.entries.count * 3)
      for entry in state.entries {
        bytes.append(entry.touch.rawValue)
        bytes.append(number: UInt16(truncatingIfNeeded: entry.count))
        bytes += state.bytes[entry.range]
      }
      return (state.entries.count, bytes)
    }
  }
}

extension TouchedPaths.Entry {
  var range: Range<Int> { offset..<(offset + count) }
}

extension TouchedPaths.State {
  mutating func add(_ path: UnsafeBufferPointer<UInt8>, _ touch: FileTouch) {
    // What is longer no system call takes.
    guard path.count <= Int(PATH_MAX) else { return }
    var (slot, known) = slot(of: path)
    if let known {
      entries[known].touch.formUnion(touch)
      return
    }
    if (entries.count + 1) * 2 > slots.count {
      rehash()
      slot = self.slot(of: path).slot
    }
    entries.append(TouchedPaths.Entry(offset: bytes.count, count: path.count, touch: touch))
    bytes.append(contentsOf: path)
    slots[slot] = UInt32(entries.count)
  }

  /// Where `path` is or would be, and which entry it is.
  func slot(of path: UnsafeBufferPointer<UInt8>) -> (slot: Int, known: Int?) {
    let mask = slots.count - 1
    var slot = Self.hash(path) & mask
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if isEqual(entries[index], path) { return (slot, index) }
      slot = (slot + 1) & mask
    }
    return (slot, nil)
  }

  private func isEqual(_ entry: TouchedPaths.Entry, _ path: UnsafeBufferPointer<UInt8>) -> Bool {
    guard entry.count == path.count, let start = path.baseAddress else {
      return entry.count == path.count
    }
    return bytes.withUnsafeBufferPointer { bytes in
      bytes.baseAddress.map { memcmp($0 + entry.offset, start, path.count) == 0 } ?? path.isEmpty
    }
  }

  private mutating func rehash() {
    let mask = slots.count * 2 - 1
    var larger = [UInt32](repeating: 0, count: mask + 1)
    bytes.withUnsafeBufferPointer { bytes in
      for (index, entry) in entries.enumerated() {
        var slot = Self.hash(UnsafeBufferPointer(rebasing: bytes[entry.range])) & mask
        while larger[slot] != 0 { slot = (slot + 1) & mask }
        larger[slot] = UInt32(index + 1)
      }
    }
    slots = larger
  }

  /// FNV-1a over words of eight bytes.
  private static func hash(_ path: UnsafeBufferPointer<UInt8>) -> Int {
    let raw = UnsafeRawBufferPointer(path)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var offset = 0
    while offset + 8 <= raw.count {
      hash =
        (hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
      offset += 8
    }
    while offset < raw.count {
      hash = (hash ^ UInt64(raw[offset])) &* 0x0000_0100_0000_01B3
      offset += 1
    }
    hash ^= hash >> 32
    return Int(truncatingIfNeeded: hash & 0x7FFF_FFFF)
  }
}
