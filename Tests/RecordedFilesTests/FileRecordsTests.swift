// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import TestSupport
import Testing

@testable import RecordedFiles

@Suite struct FileRecordsTests {
  private static func key(_ number: UInt64) -> FileKey {
    FileKey(device: 7, inode: number, born: 1_600_000_000_000_000_000)
  }

  private static func record(_ number: UInt32) -> FileRecord {
    FileRecord(
      uid: number, gid: number &+ 1, mode: FileStatus.Kind.regular.modeBits | 0o4755,
      deviceMajor: 1,
      deviceMinor: 3, hiddenLinks: number % 3)
  }

  @Test func `records are found again, also by whoever opens the file`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("records")
    let count: UInt64 = 20_000
    do {
      let records = try FileRecords(creating: path)
      for number in 0..<count { records.set(Self.record(UInt32(number)), for: Self.key(number)) }
      #expect(records.count == Int(count))
      try records.synchronize()
    }
    let records = try FileRecords(opening: path)
    #expect(records.count == Int(count))
    for number in 0..<count {
      #expect(records.record(of: Self.key(number)) == Self.record(UInt32(number)))
    }
    #expect(records.record(of: Self.key(count)) == nil)
    #expect(try names(inDirectory: directory.path) == ["records"])
  }

  @Test func `an inode that got the number of a removed one has no record`() throws {
    let directory = try TemporaryDirectory()
    let records = try FileRecords(creating: directory.appending("records"))
    records.set(Self.record(1), for: Self.key(1))
    var other = Self.key(1)
    other.born += 1
    #expect(records.record(of: other) == nil)
  }

  /// What the table must agree with after any number of changes.
  @Test(arguments: [1, 2, 3] as [UInt64]) func `the table agrees with a dictionary`(
    _ seed: UInt64
  ) throws {
    let directory = try TemporaryDirectory()
    let records = try FileRecords(creating: directory.appending("records"))
    var expected: [FileKey: FileRecord] = [:]
    var attributes: [FileKey: [ExtendedAttribute]] = [:]
    var random = seed
    func next(_ limit: UInt64) -> UInt64 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (random >> 33) % limit
    }
    for _ in 0..<60_000 {
      let key = Self.key(next(9_000))
      switch next(8) {
      case 0, 1:
        records.remove(key)
        expected[key] = nil
        attributes[key] = nil
      case 2:
        let attribute = ExtendedAttribute(
          name: PathBytes("trusted.\(next(3))"), value: [UInt8](repeating: 7, count: Int(next(90))))
        try records.setAttribute(attribute, of: key, default: Self.record(9))
        expected[key] = expected[key] ?? Self.record(9)
        var all = (attributes[key] ?? []).filter { $0.name != attribute.name }
        all.append(attribute)
        attributes[key] = all.sorted()
      case 3:
        let other = Self.key(next(9_000))
        guard other != key else { continue }
        records.copy(key, to: other)
        expected[other] = expected[key]
        expected[other]?.hiddenLinks = 0
        attributes[other] = attributes[key]
      case 4:
        records.update(key, default: Self.record(5)) { $0.hiddenLinks += 1 }
        var record = expected[key] ?? Self.record(5)
        record.hiddenLinks += 1
        expected[key] = record
      default:
        let record = Self.record(UInt32(next(1 << 20)))
        records.set(record, for: key)
        expected[key] = record
      }
    }
    #expect(records.count == expected.count)
    for number in 0..<9_000 as Range<UInt64> {
      let key = Self.key(number)
      var found = records.record(of: key)
      found?.attributes = 0
      #expect(found == expected[key])
      #expect(records.attributes(of: key) == attributes[key] ?? [])
    }
  }

  @Test func `keys of one place in the table are told apart, and survive a removal`() throws {
    let directory = try TemporaryDirectory()
    let records = try FileRecords(creating: directory.appending("records"))
    let mask = UInt64(RecordTable.smallestCapacity - 1)
    // Three neighbours at the table's very end, so that searches go around it.
    var crowd: [FileKey] = []
    var number: UInt64 = 0
    while crowd.count < 12 {
      let key = Self.key(number)
      if key.spread & mask >= mask - 2 { crowd.append(key) }
      number += 1
    }
    for (index, key) in crowd.enumerated() { records.set(Self.record(UInt32(index)), for: key) }
    for removed in crowd.indices {
      records.remove(crowd[removed])
      for (index, key) in crowd.enumerated() {
        #expect(records.record(of: key) == (index > removed ? Self.record(UInt32(index)) : nil))
      }
    }
    #expect(records.count == 0)
  }

  @Test func `attributes are set as setxattr would`() throws {
    let directory = try TemporaryDirectory()
    let records = try FileRecords(creating: directory.appending("records"))
    let key = Self.key(1)
    func set(_ name: PathBytes, _ value: [UInt8], _ flags: Int32 = 0) throws(Errno) {
      try records.setAttribute(
        ExtendedAttribute(name: name, value: value), of: key, flags: flags,
        default: Self.record(1))
    }
    #expect(throws: Errno.noData) { try set("trusted.a", [1], Int32(XATTR_REPLACE)) }
    try set("trusted.b", [2])
    try set("trusted.a", [], Int32(XATTR_CREATE))
    #expect(throws: Errno.exists) { try set("trusted.a", [1], Int32(XATTR_CREATE)) }
    #expect(throws: Errno(E2BIG)) { try set("trusted.c", Array(repeating: 0, count: 65_537)) }
    #expect(throws: Errno(ERANGE)) { try set("", [1]) }
    try set("trusted.c", Array(repeating: 3, count: 65_536))
    #expect(records.attribute("trusted.a", of: key) == [])
    #expect(records.attribute("trusted.d", of: key) == nil)
    #expect(records.attributes(of: key).map(\.name) == ["trusted.a", "trusted.b", "trusted.c"])
    // A change of the record leaves them.
    records.set(Self.record(2), for: key)
    try records.removeAttribute("trusted.a", of: key)
    #expect(throws: Errno.noData) { try records.removeAttribute("trusted.a", of: key) }
    #expect(records.attributes(of: key).map(\.name) == ["trusted.b", "trusted.c"])
    try records.removeAttribute("trusted.b", of: key)
    try records.removeAttribute("trusted.c", of: key)
    #expect(records.record(of: key) == Self.record(2))
  }

  @Test func `an attribute that is changed often does not fill the disk`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("records")
    let records = try FileRecords(creating: path)
    for number in 0..<5_000 {
      try records.setAttribute(
        ExtendedAttribute(
          name: "trusted.a", value: Array(repeating: UInt8(number & 255), count: 900)),
        of: Self.key(1), default: Self.record(1))
    }
    #expect(try FileStatus(of: path).sizeInBytes < 1 << 20)
  }

  @Test func `records beyond what the disk takes are kept in memory, and it is said`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("records")
    let records = try FileRecords(creating: path)
    // The name of the larger table is taken by what no file can replace.
    try makeDirectories(directory.appending("records.new/x"))
    for number in 0..<20_000 as Range<UInt64> {
      records.set(Self.record(UInt32(number)), for: Self.key(number))
    }
    for number in 0..<20_000 as Range<UInt64> {
      #expect(records.record(of: Self.key(number)) == Self.record(UInt32(number)))
    }
    #expect(throws: FileRecordsError.self) { try records.synchronize() }
  }

  @Test(arguments: [
    "nothing", "one page", "zeros", "text", "cut", "long", "version", "capacity", "count",
  ])
  func `a file that is no table is refused`(_ damage: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("records")
    do {
      let records = try FileRecords(creating: path)
      records.set(Self.record(1), for: Self.key(1))
    }
    var bytes = try contents(of: path)
    switch damage {
    case "nothing": bytes = []
    case "one page": bytes = Array(bytes[..<4096])
    case "zeros": bytes = [UInt8](repeating: 0, count: bytes.count)
    case "text": bytes = [UInt8](repeating: 0x61, count: bytes.count)
    case "cut": bytes.removeLast()
    case "long": bytes.append(0)
    case "version": bytes[8] = 9
    case "capacity": bytes[16] = 3
    default: bytes[30] = 0xFF
    }
    try directory.write("records", bytes)
    #expect(throws: FileRecordsError.self) { _ = try FileRecords(opening: path) }
  }

  @Test func `a table with nonsense in its entries gives some answer`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.appending("records")
    _ = try FileRecords(creating: path)
    var bytes = try contents(of: path)
    for index in RecordTable.headerSize..<bytes.count { bytes[index] = UInt8((index * 7) & 255) }
    bytes[40] = 0xF8  // some of the heap is in use
    try directory.write("records", bytes)
    let records = try FileRecords(opening: path)
    for number in 0..<100 as Range<UInt64> {
      _ = records.record(of: Self.key(number))
      _ = records.attributes(of: Self.key(number))
      records.remove(Self.key(number))
      records.set(Self.record(1), for: Self.key(number))
      #expect(records.record(of: Self.key(number)) == Self.record(1))
    }
  }

  struct Mode: Sendable {
    var seen: UInt32
    var file: UInt32
    var directory: UInt32
  }

  @Test(arguments: [
    Mode(seen: 0, file: 0o600, directory: 0o700),
    Mode(seen: 0o6755, file: 0o755, directory: 0o755),
    Mode(seen: 0o1777, file: 0o1777, directory: 0o1777),
    Mode(seen: 0o444, file: 0o644, directory: 0o744),
    Mode(seen: 0o011, file: 0o711, directory: 0o711),
  ])
  func `on disk the user who builds may do everything, and nobody gets an id`(_ mode: Mode) {
    #expect(FileRecord.permissionsOnDisk(for: mode.seen, isDirectory: false) == mode.file)
    #expect(FileRecord.permissionsOnDisk(for: mode.seen, isDirectory: true) == mode.directory)
  }

  @Test func `what a command sees is the disk and the record over it`() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("f", "text")
    let link = directory.appending("hidden")
    try retrying("link") { file.withCString { file in link.withCString { Glibc.link(file, $0) } } }
    let records = try FileRecords(creating: directory.appending("records"))
    let plain = try records.status(of: file)
    #expect([plain.status.uid, plain.status.gid] == [0, 0])
    #expect(plain.status.linkCount == 2)
    records.set(
      FileRecord(uid: 5, gid: 6, mode: FileStatus.Kind.regular.modeBits | 0o4000, hiddenLinks: 1),
      for: plain.key)
    let seen = try records.status(of: file).status
    #expect([seen.uid, seen.gid, seen.permissions] == [5, 6, 0o4000])
    #expect(seen.linkCount == 1)
    #expect(seen.sizeInBytes == 4)
    records.set(
      FileRecord(
        mode: FileStatus.Kind.blockDevice.modeBits | 0o660, deviceMajor: 7, deviceMinor: 300),
      for: plain.key)
    let device = try records.status(of: file).status
    #expect(device.kind == .blockDevice)
    #expect([device.deviceMajor, device.deviceMinor] == [7, 300])
    #expect(device.sizeInBytes == 0)
  }
}
