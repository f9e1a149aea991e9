// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem
import TestSupport
import Testing

@Suite struct DirectoryTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func `names come sorted by their bytes, whatever they are`() throws {
    let odd = PathBytes([0xFF, 0x0A])
    for name: PathBytes in ["b", "a", odd, ".hidden", "B"] {
      _ = try FileDescriptor.open(
        directory.path.appending(name), flags: O_WRONLY | O_CREAT)
    }
    #expect(try names(inDirectory: directory.path) == [".hidden", "B", "a", "b", odd])
    let opened = try FileDescriptor.open(directory.path, flags: O_RDONLY | O_DIRECTORY)
    for _ in 0..<2 { #expect(try sortedNames(in: opened).count == 5) }
  }

  @Test func `a name of the greatest length is read whole`() throws {
    let name = PathBytes([UInt8](repeating: 0x78, count: Int(NAME_MAX)))
    try makeDirectory(directory.path.appending(name))
    #expect(try names(inDirectory: directory.path) == [name])
  }

  @Test func `directories above are made, existing ones left`() throws {
    let path = directory.path.appending("a/b/c")
    try makeDirectories(path)
    try makeDirectories(path)
    #expect(try FileStatus(of: path).kind == .directory)
    try directory.write("file", "")
    #expect(throws: SystemError.self) {
      try makeDirectories(directory.path.appending("file"))
    }
    #expect(throws: SystemError.self) {
      try makeDirectories(directory.path.appending("file/x"))
    }
    let link = try directory.symbolicLink("link", to: path)
    try makeDirectories(link.appending("d"))
    #expect(exists(path.appending("d")))
  }

  @Test func `a file system that makes no directories is an error, not an endless try`() {
    #expect(throws: SystemError.self) { try makeDirectories("/proc/caisson/x") }
  }

  @Test func `a tree is removed, links not followed, closed directories opened`() throws {
    let kept = try directory.write("kept", "text")
    let tree = directory.path.appending("tree")
    try makeDirectories(tree.appending("closed/inner"))
    try directory.write("tree/closed/inner/f", "")
    _ = try directory.symbolicLink("tree/link", to: directory.path)
    _ = try directory.symbolicLink("tree/dangling", to: "nowhere")
    #expect(tree.appending("closed").withCString { chmod($0, 0) } == 0)
    try removeTree(tree)
    #expect(!exists(tree))
    #expect(exists(kept))
    try removeTree(tree)
    try removeTree(tree.appending("x/y"))
    try removeTree(kept)
    #expect(!exists(kept))
  }

  @Test func `removing a link to a directory leaves the directory`() throws {
    let target = directory.path.appending("target")
    try makeDirectory(target)
    let link = try directory.symbolicLink("link", to: target)
    try removeTree(link)
    #expect(exists(target))
    #expect(!exists(link))
  }

  @Test func `the status is that of a link, or of its target when asked`() throws {
    try directory.write("file", "12345")
    let link = try directory.symbolicLink("link", to: "file")
    let dangling = try directory.symbolicLink("dangling", to: "nowhere")
    #expect(try FileStatus(of: link).kind == .symbolicLink)
    #expect(try FileStatus(of: link, followLinks: true).sizeInBytes == 5)
    #expect(try linkTarget(of: link) == "file")
    #expect(exists(dangling))
    #expect(throws: SystemError.self) { try FileStatus(of: dangling, followLinks: true) }
  }

  @Test func `extended attributes come back sorted`() throws {
    let path = try directory.write("file", "")
    let attributes = [
      ExtendedAttribute(name: "user.b", value: [0, 1, 255]),
      ExtendedAttribute(name: "user.a", value: []),
    ]
    // Some file systems have none; nothing can be shown there.
    guard (try? setExtendedAttribute(attributes[0], on: path)) != nil else { return }
    try setExtendedAttribute(attributes[1], on: path)
    let found = try extendedAttributes(of: path).filter { $0.name.hasPrefix("user.") }
    #expect(found == attributes.sorted())
  }

  @Test func `there is free space somewhere`() throws {
    #expect(try freeSpace(at: directory.path) > 0)
  }
}
