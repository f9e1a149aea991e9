// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Glibc
import Images
import Layers
import LinuxSystem
import OCI
import RecordedFiles

/// A directory of `RUN --mount=type=cache` that a command has, kept in the store from build to build.
///
/// The lock on it ends with the value, or with the process.
final class CacheDirectory {
  private let place: PathBytes
  private let lock: FileDescriptor

  /// What is shown.
  var path: PathBytes { place.appending("files") }
  private var records: PathBytes { place.appending("records") }
  var isNew: Bool { !exists(path) }

  private init(_ place: PathBytes, _ lock: consuming FileDescriptor) {
    self.place = place
    self.lock = lock
  }

  /// Waits for the cache, or takes another one, as ``RunMount/Cache/Sharing`` says.
  ///
  /// - Parameter isRecorded: Owners are recorded beside the files, which belong to this process's user.
  static func take(_ cache: RunMount.Cache, isRecorded: Bool, in store: ContentStore) async throws
    -> CacheDirectory
  {
    let kind = isRecorded ? "caches-recorded" : "caches"
    let name = Digest.of(Array(cache.id.utf8)).hex.prefix(32)
    let directory = store.directory.appending(kind).appending(String(name))
    var number = 0
    while true {
      let place = directory.appending(String(number))
      try makeDirectories(place, mode: 0o700)
      let lock = try FileDescriptor.open(
        place.appending("lock"), flags: O_RDWR | O_CREAT, mode: 0o600)
      if try lock.lock(exclusive: cache.sharing != .shared, wait: false) {
        return CacheDirectory(place, lock)
      }
      if cache.sharing == .private {
        number += 1
      } else {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// A directory for the files of a new cache: they appear whole, by ``appear(from:)``.
  func temporaryDirectory() throws -> PathBytes {
    let temporary = place.appending("new-\(UInt64.random(in: 0...UInt64.max))")
    try makeDirectory(temporary, mode: 0o755)
    return temporary
  }

  /// Another command that shares the cache may have been faster.
  func appear(from temporary: PathBytes) throws {
    do {
      try rename(temporary, to: path)
    } catch {
      try? removeTree(temporary)
      guard exists(path) else { throw error }
    }
  }

  /// The place of `path` in the cache, made where it is missing; links are followed within the cache.
  func directory(at path: String) throws -> PathBytes {
    if path.isEmpty { return self.path }
    let root = try FileDescriptor.open(self.path, flags: O_RDONLY | O_DIRECTORY)
    var above = PathBytes("")
    for name in PathBytes(path).components {
      let parent = try FileDescriptor.open(above, inRoot: root, flags: O_PATH | O_DIRECTORY)
      above = above.appending(name)
      let number = parent.number
      _ = name.withCString { mkdirat(number, $0, 0o755) }
    }
    let found = try FileDescriptor.open(above, inRoot: root, flags: O_PATH)
    return try linkTarget(of: PathBytes("/proc/self/fd/\(found.number)"))
  }

  // MARK: - Records

  /// Tells a tree's records what is known of the cache's files.
  func load(into tree: FileRecords) throws {
    guard exists(records) else { return }
    let own = try FileRecords(opening: records)
    try forEachFile { key in
      var known = key
      known.device = 0
      copyRecord(of: known, in: own, as: key, to: tree)
    }
  }

  /// Keeps what a tree's records say of the cache's files.
  func save(from tree: FileRecords) throws {
    let guardFile = try FileDescriptor.open(
      place.appending("records.lock"), flags: O_RDWR | O_CREAT, mode: 0o600)
    _ = try guardFile.lock(exclusive: true, wait: true)
    let temporary = place.appending("records-\(UInt64.random(in: 0...UInt64.max))")
    let old = exists(records) ? try FileRecords(opening: records) : nil
    let new = try FileRecords(creating: temporary)
    do {
      try forEachFile { key in
        var kept = key
        kept.device = 0
        // Another command may have made the file, and told of it already.
        if !copyRecord(of: key, in: tree, as: kept, to: new), let old {
          copyRecord(of: kept, in: old, as: kept, to: new)
        }
      }
      try new.synchronize()
      try rename(temporary, to: records)
    } catch {
      try? removeFile(temporary)
      throw error
    }
  }

  @discardableResult
  private func copyRecord(
    of key: FileKey, in source: FileRecords, as other: FileKey, to target: FileRecords
  ) -> Bool {
    guard let record = source.record(of: key) else { return false }
    target.set(record, for: other)
    for attribute in source.attributes(of: key) {
      try? target.setAttribute(attribute, of: other, default: record)
    }
    return true
  }

  private func forEachFile(_ body: (FileKey) throws -> Void) throws {
    try body(try FileKey(of: path, at: AT_FDCWD))
    var waiting = [path]
    while let directory = waiting.popLast() {
      // A command that shares the cache may remove what was there a moment ago.
      for name in (try? names(inDirectory: directory)) ?? [] {
        let place = directory.appending(name)
        guard let found = try? FileStatus.withBirth(of: place, at: AT_FDCWD) else { continue }
        try body(FileKey(found))
        if found.status.kind == .directory { waiting.append(place) }
      }
    }
  }
}
