// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension Receiver {
  /// Reads a path from the caller's memory.
  ///
  /// - Throws: EFAULT; ENAMETOOLONG from PATH_MAX on, as the kernel.
  func readPath(at address: UInt64, of call: Call, into path: PathBuffer) throws(Errno) {
    let limit = 4096
    var count = 0
    while true {
      let wanted = min(count == 0 ? 256 : limit, limit - count)
      let got = caisson_read_memory(
        call.thread, address &+ UInt64(count), path.start + count, wanted)
      guard got > 0 else { throw Errno(EFAULT) }
      if let end = memchr(path.start + count, 0, got) {
        path.setCount(end - UnsafeMutableRawPointer(path.start))
        return
      }
      count += got
      guard count < limit else { throw Errno(ENAMETOOLONG) }
    }
  }

  /// A path that must not be empty.
  func readName(at address: UInt64, of call: Call, into path: PathBuffer) throws(Errno) {
    try readPath(at: address, of: call, into: path)
    if path.isEmpty { throw Errno(ENOENT) }
  }

  /// Reads `count` bytes from the caller's memory into ``scratch``.
  func read(_ count: Int, at address: UInt64, of call: Call) throws(Errno)
    -> UnsafeMutableRawBufferPointer
  {
    guard count <= scratch.count, let start = scratch.baseAddress else { throw Errno(E2BIG) }
    var done = 0
    while done < count {
      let got = caisson_read_memory(
        call.thread, address &+ UInt64(done), start + done, min(count - done, 8192))
      guard got > 0 else { throw Errno(EFAULT) }
      done += got
    }
    return UnsafeMutableRawBufferPointer(rebasing: scratch[..<count])
  }

  /// Reads a plain value.
  func load<Value: BitwiseCopyable>(_ type: Value.Type, at address: UInt64, of call: Call)
    throws(Errno) -> Value
  {
    try read(MemoryLayout<Value>.size, at: address, of: call).loadUnaligned(as: type)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64, of call: Call) throws(Errno) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    guard caisson_write_memory(call.thread, address, start, bytes.count) == bytes.count else {
      throw Errno(EFAULT)
    }
  }

  func store<Value: BitwiseCopyable>(_ value: Value, at address: UInt64, of call: Call)
    throws(Errno)
  {
    let failure: Errno? = withUnsafeBytes(of: value) { bytes in
      do throws(Errno) {
        try write(bytes, at: address, of: call)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// What the calling process believes.
  ///
  /// - Throws: EPERM for a process that is none of the sandbox.
  func state(of call: Call) throws(Errno) -> ProcessState {
    guard let state = world.states.state(of: call.thread) else { throw Errno(EPERM) }
    return state
  }

  /// Gives the calling process another state.
  func enter(
    _ call: Call, from state: ProcessState, credentials: Credentials? = nil, umask: UInt32? = nil,
    workingDirectory: WorkingDirectory? = nil, executable: PathBytes? = nil
  ) throws(Errno) {
    let next = world.states.state(
      credentials ?? state.credentials, umask: umask ?? state.umask,
      workingDirectory: workingDirectory ?? state.workingDirectory,
      executable: executable ?? state.executable)
    guard next.tag != state.tag else { return }
    guard caisson_set_tag(call.thread, next.tag) == 0 else { throw Errno.current }
    world.states.collectIfNeeded()
  }
}
