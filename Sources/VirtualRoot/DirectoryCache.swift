// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Descriptors of directories by the absolute path that leads to them: most calls name files in few
/// directories. A receiver has one of its own.
///
/// What is kept is good as long as no directory and no symbolic link was renamed or removed, which the
/// generation tells (``World/generation``).
final class DirectoryCache {
  private struct Entry {
    var hash: UInt64 = 0
    var generation = -1
    var number: Int32 = -1
    var path: UnsafeMutablePointer<CChar>?
    var count = 0
  }

  /// A power of two; the receivers together leave most descriptors to the calls.
  private static let size: Int = {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var size = 256
    while size > 16 && UInt64(size) > UInt64(limit.rlim_cur) / 8 { size /= 2 }
    return size
  }()
  private let entries = UnsafeMutableBufferPointer<Entry>.allocate(capacity: DirectoryCache.size)

  init() { entries.initialize(repeating: Entry()) }

  deinit {
    for entry in entries { clear(entry) }
    entries.deallocate()
  }

  private func clear(_ entry: Entry) {
    if entry.number >= 0 { close(entry.number) }
    free(entry.path)
  }

  /// The descriptor of a directory, which belongs to the cache.
  ///
  /// - Parameters:
  ///   - path: Its first `count` bytes count.
  ///   - open: Gives a new descriptor with O_PATH, or nil for a directory that is not to be kept.
  func number<Failure: Error>(
    _ path: UnsafePointer<CChar>, count: Int, generation: Int, open: () throws(Failure) -> Int32?
  ) throws(Failure) -> Int32? {
    let hash = Self.hash(path, count)
    let index = Int(hash & UInt64(Self.size - 1))
    let known = entries[index]
    if known.hash == hash, known.generation == generation, known.count == count,
      let text = known.path, memcmp(text, path, count) == 0
    {
      return known.number
    }
    guard let number = try open() else { return nil }
    clear(known)
    entries[index] = Entry(
      hash: hash, generation: generation, number: number, path: strndup(path, count), count: count)
    return number
  }

  private static func hash(_ path: UnsafePointer<CChar>, _ count: Int) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<count {
      hash = (hash ^ UInt64(UInt8(bitPattern: path[index]))) &* 0x100_0000_01B3
    }
    return hash ^ (hash >> 29)
  }
}
