// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import Synchronization

/// The records of a tree, kept in one file that is mapped: opening it costs nothing however many
/// there are, and looking one up allocates nothing.
///
/// Several threads may use it at once, several processes one after the other: a table that grows is
/// another file of the same name, so whoever hands it on opens it anew when it gets it back.
package final class FileRecords: @unchecked Sendable {
  private struct State: ~Copyable {
    var table: RecordTable
    /// What kept the file from growing; the table lies in memory alone from then on.
    var failure: SystemError?
  }

  private let path: PathBytes
  private let state: Mutex<State>

  /// Makes an empty file, in place of one that is there.
  ///
  /// - Throws: ``FileRecordsError/refused(_:)``.
  package init(creating path: PathBytes) throws(FileRecordsError) {
    self.path = path
    let (capacity, heapSize) = (RecordTable.smallestCapacity, RecordTable.smallestHeap)
    do {
      try? removeFile(path)
      let mapping = try RecordMapping.create(
        path, size: RecordTable.size(capacity: capacity, heapSize: heapSize))
      state = Mutex(
        State(table: RecordTable(in: mapping, capacity: capacity, heapSize: heapSize)))
    } catch {
      throw .refused(error)
    }
  }

  /// - Throws: ``FileRecordsError/damaged(_:reason:)`` for what is no such file, among others.
  package init(opening path: PathBytes) throws(FileRecordsError) {
    self.path = path
    let mapping: RecordMapping
    do {
      let file = try FileDescriptor.open(path, flags: O_RDWR | O_NOFOLLOW)
      let status = try file.status()
      guard status.kind == .regular, status.sizeInBytes >= RecordTable.headerSize else {
        throw FileRecordsError.damaged(path, reason: "it is cut off")
      }
      mapping = try RecordMapping.open(file, size: Int(status.sizeInBytes))
    } catch let error as SystemError {
      throw .refused(error)
    } catch let error as FileRecordsError {
      throw error
    } catch {
      throw .damaged(path, reason: "\(error)")
    }
    let header = mapping.base.load(as: RecordTable.Header.self)
    if let reason = RecordTable.reasonToRefuse(header, size: mapping.size) {
      throw .damaged(path, reason: reason)
    }
    state = Mutex(State(table: RecordTable(existingIn: mapping)))
  }

  package var count: Int { state.withLock { $0.table.count } }

  package func record(of key: FileKey) -> FileRecord? {
    state.withLock { $0.table.record(of: key) }
  }

  /// Changes a record in place, or makes one.
  ///
  /// - Parameters:
  ///   - default: What the inode is without record; asked for only when there is none.
  ///   - change: Must not call back.
  package func update(
    _ key: FileKey, default implied: @autoclosure () -> FileRecord,
    _ change: (inout FileRecord) -> Void
  ) {
    state.withLock { state in
      self.makeRoom(for: key, in: &state)
      let known = state.table.record(of: key)
      var record = known ?? implied()
      change(&record)
      record.attributes = known?.attributes ?? 0
      self.store(record, for: key, in: &state)
    }
  }

  /// Attributes stay as they are.
  package func set(_ record: FileRecord, for key: FileKey) {
    update(key, default: record) { $0 = record }
  }

  package func remove(_ key: FileKey) { state.withLock { $0.table.remove(key) } }

  /// Gives `new` the record of `old` with its attributes, for a copy of the file; `new` has no names
  /// outside the tree. Without record of `old`, `new` has none.
  package func copy(_ old: FileKey, to new: FileKey) {
    state.withLock { state in
      self.makeRoom(for: new, in: &state)
      guard var record = state.table.record(of: old) else { return state.table.remove(new) }
      record.hiddenLinks = 0
      // Lists are never changed in place, so that two records may share one.
      self.store(record, for: new, in: &state)
    }
  }

  /// - Throws: What kept the records from being written. Until then all of them are still known here.
  package func synchronize() throws(FileRecordsError) {
    if let failure = state.withLock({ $0.failure }) { throw .refused(failure) }
  }

  // MARK: - Attributes

  package func attribute(_ name: PathBytes, of key: FileKey) -> [UInt8]? {
    state.withLock { state in
      Self.list(of: key, in: state)?.value(of: name)
    }
  }

  /// In the order of their names.
  package func attributes(of key: FileKey) -> [ExtendedAttribute] {
    state.withLock { state in Self.list(of: key, in: state)?.attributes ?? [] }
  }

  /// - Parameters:
  ///   - flags: `XATTR_CREATE`, `XATTR_REPLACE` or 0.
  ///   - implied: What the inode is without record; asked for only when there is none.
  /// - Throws: As `setxattr(2)`.
  package func setAttribute(
    _ attribute: ExtendedAttribute, of key: FileKey, flags: Int32 = 0,
    default implied: @autoclosure () -> FileRecord
  ) throws(Errno) {
    guard (1...255).contains(attribute.name.bytes.count) else { throw Errno(ERANGE) }
    guard attribute.value.count <= 64 << 10 else { throw Errno(E2BIG) }
    let failure: Errno? = state.withLock { state in
      var all = Self.list(of: key, in: state)?.attributes ?? []
      if let known = all.firstIndex(where: { $0.name == attribute.name }) {
        if flags == Int32(XATTR_CREATE) { return Errno.exists }
        all[known] = attribute
      } else {
        if flags == Int32(XATTR_REPLACE) { return Errno.noData }
        // What listxattr(2) can give.
        let size = all.reduce(attribute.name.bytes.count + 1) { $0 + $1.name.bytes.count + 1 }
        guard size <= 64 << 10 else { return Errno.noSpace }
        all.append(attribute)
        all.sort()
      }
      let record = state.table.record(of: key) ?? implied()
      return self.put(all, in: record, for: key, in: &state) ? nil : .noSpace
    }
    if let failure { throw failure }
  }

  /// - Throws: `ENODATA` when there is none of the name.
  package func removeAttribute(_ name: PathBytes, of key: FileKey) throws(Errno) {
    let isRemoved = state.withLock { state in
      guard let record = state.table.record(of: key),
        var all = Self.list(of: key, in: state)?.attributes,
        let known = all.firstIndex(where: { $0.name == name })
      else { return false }
      all.remove(at: known)
      return self.put(all, in: record, for: key, in: &state)
    }
    if !isRemoved { throw .noData }
  }

  private static func list(of key: FileKey, in state: borrowing State) -> AttributeList? {
    guard let record = state.table.record(of: key) else { return nil }
    return state.table.attributes(at: record.attributes)
  }

  // MARK: - Growing

  /// Handles are those of the larger table afterwards: ask for records behind this.
  private func makeRoom(for key: FileKey, in state: inout State) {
    if state.table.isFull && state.table.record(of: key) == nil {
      grow(&state, capacity: state.table.capacity * 2, moreHeap: 0)
    }
  }

  private func store(_ record: FileRecord, for key: FileKey, in state: inout State) {
    if state.table.set(record, for: key) { return }
    grow(&state, capacity: state.table.capacity * 2, moreHeap: 0)
    var record = record
    record.attributes = 0
    _ = state.table.set(record, for: key)
  }

  /// - Returns: False when the heap is as large as handles reach.
  private func put(
    _ attributes: [ExtendedAttribute], in record: FileRecord, for key: FileKey,
    in state: inout State
  ) -> Bool {
    makeRoom(for: key, in: &state)
    var record = record
    record.attributes = 0
    if !attributes.isEmpty {
      let bytes = AttributeList.encode(attributes)
      if state.table.heapSize - state.table.heapUsed < bytes.count + 8 {
        grow(&state, capacity: state.table.capacity, moreHeap: bytes.count + 8)
      }
      let handle = bytes.withUnsafeBytes { bytes in
        AttributeList(bytes[...]).flatMap { state.table.append($0) }
      }
      guard let handle else { return false }
      record.attributes = handle
    }
    self.store(record, for: key, in: &state)
    return true
  }

  /// Moves all to a larger table, without what nobody points at.
  private func grow(_ state: inout State, capacity: Int, moreHeap: Int) {
    let needed = state.table.heapInUse + moreHeap
    var heapSize = state.table.heapSize
    while heapSize < needed * 2, heapSize < RecordTable.largestHeap { heapSize *= 2 }
    let size = RecordTable.size(capacity: capacity, heapSize: heapSize)
    do throws(SystemError) {
      if state.failure == nil {
        do throws(SystemError) {
          let temporary = PathBytes(path.bytes + Array(".new".utf8))
          let table = RecordTable(
            in: try RecordMapping.create(temporary, size: size), capacity: capacity,
            heapSize: heapSize)
          state.table.copy(to: table)
          try rename(temporary, to: path)
          state.table = table
          return
        } catch {
          state.failure = error
        }
      }
      let table = RecordTable(
        in: try RecordMapping.anonymous(size: size), capacity: capacity, heapSize: heapSize)
      state.table.copy(to: table)
      state.table = table
    } catch {
      preconditionFailure("no memory for \(size) bytes of records: \(error.errno)")
    }
  }
}
