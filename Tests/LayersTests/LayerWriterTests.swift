// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import OCI
import TestSupport
import Testing

@testable import Layers

@Suite struct LayerWriterTests {
  static let threads = WorkerThreads(count: 2)

  static func writer(latest: FileTime? = nil) throws -> LayerWriter<MemorySink> {
    try LayerWriter(compressingOn: threads, latest: latest, to: MemorySink(limit: 64 << 20))
  }

  @Test func `the diff ID is that of the stream inside the gzip member`() throws {
    var writer = try Self.writer()
    try writer.add(.directory("d"))
    try writer.add(.file("d/a"), bytes: Array("hello".utf8))
    try writer.add(.file("d/b"), bytes: [])
    let diffID = try writer.finish()
    let tar = try drain(DecompressingSource(MemorySource(writer.output.bytes)))
    #expect(Digest.of(tar) == diffID)
    #expect(try entries(of: tar) == writer.entries)
    #expect(writer.entries.map(\.sizeInBytes) == [0, 5, 0])
  }

  @Test func `times are lowered to the latest allowed`() throws {
    let latest = FileTime(seconds: 100, nanoseconds: 5)
    var writer = try Self.writer(latest: latest)
    for time in [99, 100, 101] as [Int64] {
      var entry = LayerEntry.file(PathBytes("f\(time)"))
      entry.modified = FileTime(seconds: time, nanoseconds: 6)
      try writer.add(entry)
    }
    #expect(
      writer.entries.map(\.modified) == [FileTime(seconds: 99, nanoseconds: 6), latest, latest])
  }

  @Test(arguments: [(100, 99), (100, 101), (0, 1), (1 << 20, 0), (1 << 20, (1 << 20) + 1)])
  func `a file that changed its size is an error`(_ stated: Int, _ actual: Int) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    try write([UInt8](repeating: 1, count: actual), to: path)
    var writer = try Self.writer()
    var entry = LayerEntry.file("f")
    entry.sizeInBytes = Int64(stated)
    let file = try FileDescriptor.open(path)
    #expect(throws: LayerError.fileChanged("f")) { try writer.add(entry, content: file) }
  }

  @Test func `an index gives back the entries of its layer`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let samples = TarRoundTripTests.kinds + TarRoundTripTests.names + TarRoundTripTests.times
    var writer = try Self.writer()
    for sample in samples { try writer.add(sample.entry) }
    try writer.add(.file("content"), bytes: Array("hello".utf8))
    let diffID = try writer.finish()
    try write(writer.output.bytes, to: path)
    let read = try LayerIndex.read(blob: try FileDescriptor.open(path), diffID: diffID)
    #expect(read == writer.entries)
    try write(try LayerIndex.encode(read, compressingOn: WorkerThreads(count: 1)), to: path)
    #expect(try LayerIndex.decode(file: try FileDescriptor.open(path)) == read)
  }

  @Test func `an index that was not written to its end is refused`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let whole = try LayerIndex.encode(
      [.directory("d"), .file("d/a"), .file("d/b")], compressingOn: WorkerThreads(count: 1))
    var torn = (0..<whole.count).map { Array(whole[..<$0]) }
    torn += [8, 1032, whole.count].map { [UInt8](repeating: 0, count: $0) }
    torn.append(Array(whole.dropLast(9)) + [UInt8](repeating: 0, count: 9))
    for bytes in torn {
      try write(bytes, to: path)
      #expect(throws: LayerError.self) {
        try LayerIndex.decode(file: try FileDescriptor.open(path))
      }
    }
  }

  @Test func `a layer that is not what its diff ID says is refused`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("file")
    let bytes = try archive(.file("f"))
    try write(bytes, to: path)
    let expected = Digest.of([])
    #expect(throws: LayerError.diffIDMismatch(expected: expected, actual: Digest.of(bytes))) {
      try LayerIndex.read(blob: try FileDescriptor.open(path), diffID: expected)
    }
  }

  @Test func `a file of 512 MiB passes in less than 64 MiB of memory`() async {
    // Larger ones take no more, but too long in a debug build. In a process of its own: other tests' memory must not count.
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory.path.appending("sparse")
      let size: Int64 = 512 << 20
      let file = try FileDescriptor.open(path, flags: O_RDWR | O_CREAT)
      try retrying("ftruncate") { ftruncate(file.number, off_t(size)) }
      var writer = try LayerWriter(compressingOn: WorkerThreads(count: 2), to: NullSink())
      var entry = LayerEntry.file("f")
      entry.sizeInBytes = size
      let before = peakMemory()
      try writer.add(entry, content: file)
      _ = try writer.finish()
      #expect(peakMemory() - before < 64 << 20)
    }
  }
}

/// In bytes.
private func peakMemory() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF, &usage)
  return usage.ru_maxrss << 10
}
