// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import Synchronization
import TestSupport
import Testing

@Suite struct FileDescriptorTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) != -1 }

  @Test func `a descriptor is closed on exec, and never outlives its value`() throws {
    let path = try directory.write("f", "text")
    var number: Int32 = -1
    do {
      let file = try FileDescriptor.open(path)
      number = file.number
      #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
      let copy = try file.duplicate()
      #expect(fcntl(copy.number, F_GETFD) & FD_CLOEXEC != 0)
    }
    let kept = try FileDescriptor.open(path).release()
    #expect(isOpen(kept))
    close(kept)
  }

  @Test func `renames elsewhere do not keep a path with dots from being opened`() async throws {
    try directory.write("a/b/f", "text")
    try directory.write("elsewhere/x/f", "")
    let elsewhere = directory.appending("elsewhere")
    let path = PathBytes(String(repeating: "a/b/../../", count: 100) + "a/b/f")
    let root = try FileDescriptor.open(directory.path, flags: O_PATH | O_DIRECTORY)
    let isDone = Mutex(false)
    async let renaming: Void = WorkerThreads(count: 1).run {
      defer { isDone.withLock { $0 = true } }
      for _ in 0..<3000 {
        try rename(elsewhere.appending("x"), to: elsewhere.appending("y"))
        try rename(elsewhere.appending("y"), to: elsewhere.appending("x"))
      }
    }
    while !isDone.withLock({ $0 }) { _ = try FileDescriptor.open(path, inRoot: root) }
    try await renaming
  }

  @Test func `a missing file is named in the error`() throws {
    let path = directory.path.appending("missing")
    #expect(throws: SystemError("open", path, .noSuchFile)) {
      _ = try FileDescriptor.open(path)
    }
    #expect(Errno.noSuchFile.description.contains("No such file"))
  }

  @Test func `a file above the limit is not read`() throws {
    let path = try directory.write("f", "12345")
    #expect(try contents(of: path, limit: 5) == Array("12345".utf8))
    #expect(throws: SystemError("read", path, Errno(EFBIG))) {
      try contents(of: path, limit: 4)
    }
  }

  @Test func `links and dot dot stay inside the root`() throws {
    try makeDirectory(directory.path.appending("root"))
    try directory.write("root/inner", "inside")
    try directory.write("inner", "outside")
    _ = try directory.symbolicLink("root/absolute", to: "/inner")
    _ = try directory.symbolicLink("root/relative", to: "../../inner")
    let root = try FileDescriptor.open(
      directory.path.appending("root"), flags: O_RDONLY | O_DIRECTORY)
    for path: PathBytes in ["absolute", "relative", "../inner", "/inner"] {
      let file = try FileDescriptor.open(path, inRoot: root)
      #expect(try contents(of: file) == Array("inside".utf8), "\(path)")
    }
  }

  @Test func `holes and data are told apart`() throws {
    let path = directory.path.appending("sparse")
    let file = try FileDescriptor.open(path, flags: O_RDWR | O_CREAT)
    try file.seek(to: 1 << 20)
    try file.writeAll(Array("x".utf8))
    #expect(try file.nextData(from: 0) == 1 << 20)
    #expect(try file.nextHole(from: 0) == 0)
    #expect(try file.nextData(from: 2 << 20) == nil)
    let status = try file.status()
    #expect(status.blocks * 512 < status.sizeInBytes)
  }

  @Test func `a lock keeps others out until it ends`() throws {
    let path = try directory.write("f", "")
    do {
      let holder = try FileDescriptor.open(path)
      #expect(try holder.lock(exclusive: true, wait: false))
      let other = try FileDescriptor.open(path)
      #expect(try !other.lock(exclusive: true, wait: false))
      #expect(try !other.lock(exclusive: false, wait: false))
    }
    #expect(try FileDescriptor.open(path).lock(exclusive: true, wait: false))
  }

  @Test(arguments: [0, 1, 100_000, 3 << 20])
  func `N bytes are appended from another file`(_ count: Int) throws {
    let text = String((0..<count).map { Character(Unicode.Scalar(UInt8(33 + $0 % 90))) })
    let source = try FileDescriptor.open(try directory.write("source", "head" + text + "tail"))
    let path = try directory.write("target", "start")
    let target = try FileDescriptor.open(path, flags: O_WRONLY)
    try target.seek(to: 5)
    #expect(try target.append(Int64(count), from: source, at: 4) == Int64(count))
    #expect(try contents(of: path) == Array(("start" + text).utf8))
  }

  @Test func `a source that ends early gives what it has`() throws {
    let source = try FileDescriptor.open(try directory.write("source", "12345"))
    let target = try FileDescriptor.open(try directory.write("target", ""), flags: O_WRONLY)
    #expect(try target.append(10, from: source, at: 2) == 3)
  }

  @Test func `bytes are appended to a pipe as well`() throws {
    let source = try FileDescriptor.open(try directory.write("source", "12345"))
    var ends: [Int32] = [0, 0]
    try retrying("pipe") { pipe(&ends) }
    let reader = FileDescriptor(owning: ends[0])
    do {
      let writer = FileDescriptor(owning: ends[1])
      #expect(try writer.append(5, from: source, at: 0) == 5)
    }
    #expect(try contents(of: reader) == Array("12345".utf8))
  }
}
