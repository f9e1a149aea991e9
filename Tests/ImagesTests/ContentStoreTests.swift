// SPDX-License-Identifier: Apache-2.0

import Glibc
import Images
import LinuxSystem
import OCI
import TestSupport
import Testing

@Suite struct ContentStoreTests {
  private let directory: TemporaryDirectory
  private let store: ContentStore

  init() throws {
    directory = try TemporaryDirectory()
    store = try directory.store()
  }

  @Test func `bytes are found again by their digest`() throws {
    let digest = try store.put(Array("hello".utf8))
    #expect(digest == Digest.of(Array("hello".utf8)))
    #expect(store.contains(digest))
    #expect(try store.bytes(of: digest) == Array("hello".utf8))
    #expect(try contents(of: directory.appending("store/oci-layout")).starts(with: Array("{".utf8)))
  }

  @Test func `a blob above the limit is not read`() throws {
    let digest = try store.put([1, 2, 3])
    #expect(throws: SystemError.self) { try store.bytes(of: digest, limit: 2) }
  }

  @Test func `a writer that is dropped leaves nothing`() throws {
    do {
      let writer = try store.makeWriter()
      try write("half", to: writer)
      #expect(try names(inDirectory: store.scratch).count == 1)
    }
    #expect(try names(inDirectory: store.scratch).isEmpty)
    #expect(try names(inDirectory: directory.appending("store/blobs/sha256")).isEmpty)
  }

  @Test func `a blob with another digest or size than expected is refused`() throws {
    let other = Descriptor(mediaType: .ociLayer, digest: .of([1]), size: 4)
    #expect(
      throws: ContentError.digestMismatch(expected: .of([1]), actual: .of(Array("four".utf8)))
    ) {
      let writer = try store.makeWriter()
      try write("four", to: writer)
      try writer.commit(expecting: other)
    }
    #expect(throws: ContentError.sizeMismatch(expected: 4, actual: 3)) {
      let writer = try store.makeWriter()
      try write("two", to: writer)
      try writer.commit(expecting: other)
    }
    #expect(try names(inDirectory: directory.appending("store/blobs/sha256")).isEmpty)
  }

  @Test func `a stream longer than announced is cut off`() throws {
    let writer = try store.makeWriter(
      expecting: Descriptor(mediaType: .ociLayer, digest: .of([1]), size: 4))
    try write("four", to: writer)
    #expect(throws: ContentError.sizeMismatch(expected: 4, actual: 5)) {
      try write("5", to: writer)
    }
  }

  @Test func `a transfer can start over`() throws {
    let writer = try store.makeWriter()
    try write("broken off, and longer", to: writer)
    try writer.restart()
    try write("whole", to: writer)
    let (digest, size) = try writer.commit()
    #expect(digest == Digest.of(Array("whole".utf8)))
    #expect(size == 5)
    #expect(try store.bytes(of: digest) == Array("whole".utf8))
  }

  @Test(arguments: [Digest.Algorithm.sha384, .sha512])
  func `blobs of other algorithms have their own place`(_ algorithm: Digest.Algorithm) throws {
    let writer = try store.makeWriter(algorithm)
    try write("long", to: writer)
    let digest = try writer.commit().digest
    #expect(digest.algorithm == algorithm)
    #expect(exists(directory.appending("store/blobs/\(algorithm.rawValue)/\(digest.hex)")))
  }

  @Test func `what a killed process left is removed, what a living one holds stays`() throws {
    try directory.write("store/tmp/abandoned/half", "bytes")
    let writer = try store.makeWriter()
    try write("half", to: writer)
    let other = try directory.store()
    #expect(!exists(directory.appending("store/tmp/abandoned")))
    #expect(try names(inDirectory: store.scratch).count == 1)
    #expect(other.scratch != store.scratch)
  }

  @Test func `the temporary files of a process killed in the middle are removed`() async throws {
    let path = directory.appending("killed").description
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let store = try ContentStore(directory: PathBytes(path))
      let writer = try store.makeWriter()
      try [UInt8](repeating: 7, count: 1000).withUnsafeBytes { try writer.write($0) }
      kill(getpid(), SIGKILL)
      withExtendedLifetime((store, writer)) {}
    }
    let temporary = PathBytes(path).appending("tmp")
    #expect(try names(inDirectory: temporary).count == 1)
    let store = try ContentStore(directory: PathBytes(path))
    #expect(try names(inDirectory: temporary) == [store.scratch.name])
    #expect(try names(inDirectory: store.scratch).isEmpty)
  }

  private func write(_ text: String, to writer: BlobWriter) throws {
    try Array(text.utf8).withUnsafeBytes { try writer.write($0) }
  }
}
