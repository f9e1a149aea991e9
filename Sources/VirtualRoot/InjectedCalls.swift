// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// Calls with a path that the caller has to make itself: it gets a descriptor, and a path that begins
/// with it.
///
/// `/proc/self/fd/N` leads where the kernel has it, so nothing of the virtual root is on the way.
extension Receiver {
  /// Has the caller open a name by itself, with O_PATH or as a terminal: such descriptors cannot be
  /// handed over.
  ///
  /// - Parameters:
  ///   - directory: Opened for reading.
  ///   - name: One component.
  func openInCaller(
    _ call: Call, _ directory: Int32, _ name: UnsafePointer<CChar>, flags: Int32
  ) throws(Errno) -> Answer {
    let number = try add(directory, to: call)
    let text = descriptorPath(number, name)
    var injection = try Injection(call, listener: listener)
    let value = try injection.make(
      SYS_openat, with: text, cookie: world.cookie, closing: number
    ) { page in (UInt64(bitPattern: Int64(AT_FDCWD)), page, UInt64(UInt32(bitPattern: flags)), 0) }
    injection.finish(value)
    return .elsewhere
  }

  /// - Returns: The number in the caller.
  func add(_ descriptor: Int32, to call: Call) throws(Errno) -> Int32 {
    let number = caisson_add_descriptor(listener, call.id, descriptor, 1)
    guard number >= 0 else { throw Errno.current }
    return number
  }

  /// `/proc/self/fd/NUMBER/NAME` with its NUL.
  func descriptorPath(_ number: Int32, _ name: UnsafePointer<CChar>?) -> [UInt8] {
    var text = Array("/proc/self/fd/\(number)".utf8)
    if let name {
      text.append(UInt8(ascii: "/"))
      text += UnsafeBufferPointer(start: name, count: strlen(name)).map { UInt8(bitPattern: $0) }
    }
    return text + [0]
  }

  // MARK: - inotify

  private static var watchesLink: UInt64 { UInt64(IN_DONT_FOLLOW) }

  func addWatch(_ call: Call) throws(Errno) -> Answer {
    let state = try state(of: call)
    try readName(at: call.a1, of: call, into: firstPath)
    let follow = call.a2 & Self.watchesLink == 0
    let file = try file(call, at: AT_FDCWD, firstPath, follow: follow, state)
    guard permits(file.inode, R_OK, state.credentials) else { throw .accessDenied }
    let number: Int32
    let text: [UInt8]
    if file.inode.isDirectory || file.inode.isRegularOnDisk {
      let opened = try reopen(file.number, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      defer { close(opened) }
      number = try add(opened, to: call)
      text = descriptorPath(number, nil)
    } else {
      // Opening it would do something, or fail.
      try world.readHostPath(of: file.number, into: hostPath)
      guard hostPath.isAbsolute else { throw .noSuchFile }
      let path = hostPath.path
      let opened = path.parent.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
      guard opened >= 0 else { throw Errno.current }
      defer { close(opened) }
      number = try add(opened, to: call)
      text = path.name.withCString { descriptorPath(number, $0) }
    }
    // The path ends in what is watched, or in a link of `/proc`.
    let isLink = file.inode.isSymbolicLink
    let mask =
      call.a2 & ~Self.watchesLink
      | (isLink ? Self.watchesLink : 0)
    var injection = try Injection(call, listener: listener)
    let value = try injection.make(
      call.number32, with: text, cookie: world.cookie, closing: number
    ) { page in (call.a0, page, mask, 0) }
    injection.finish(value)
    return .elsewhere
  }
}

extension Call {
  var number32: Int32 { Int32(truncatingIfNeeded: number) }
}

extension Injection {
  /// Makes a call that takes the address of something the thread's memory lacks.
  ///
  /// - Parameters:
  ///   - bytes: Put into memory of their own, at the address that `arguments` gets.
  ///   - descriptor: Closed in the thread afterwards.
  ///   - cookie: The last argument.
  mutating func make(
    _ number: Int32, with bytes: [UInt8], cookie: UInt64, closing descriptor: Int32?,
    mayWait: Bool = false, _ arguments: (UInt64) -> (UInt64, UInt64, UInt64, UInt64)
  ) throws(Errno) -> Int64 {
    try make(
      number, with: { _ in bytes }, cookie: cookie, closing: descriptor, mayWait: mayWait, arguments
    )
  }

  /// - Parameters:
  ///   - content: 4 KiB at most, for the address they are put at.
  ///   - then: Called with the address while the bytes are still there.
  mutating func make(
    _ number: Int32, with content: (UInt64) -> [UInt8], cookie: UInt64, closing descriptor: Int32?,
    mayWait: Bool = false, then: (UInt64) -> Void = { _ in },
    _ arguments: (UInt64) -> (UInt64, UInt64, UInt64, UInt64)
  ) throws(Errno) -> Int64 {
    let size: UInt64 = 4096
    let page = try make(
      SYS_mmap, 0, size, UInt64(PROT_READ | PROT_WRITE), UInt64(MAP_PRIVATE | MAP_ANONYMOUS), .max)
    var value = page
    if page > 0 || page < -4096 {
      let address = UInt64(bitPattern: page)
      let bytes = content(address)
      let written = bytes.withUnsafeBytes { bytes in
        bytes.baseAddress.map { caisson_write_memory(thread, address, $0, bytes.count) } ?? 0
      }
      if written == bytes.count {
        let (a, b, c, d) = arguments(address)
        value = try make(number, a, b, c, d, 0, cookie, mayWait: mayWait)
        then(address)
      } else {
        value = -Int64(EFAULT)
      }
      _ = try make(SYS_munmap, address, size)
    }
    if let descriptor { _ = try make(SYS_close, UInt64(descriptor)) }
    return value
  }
}
