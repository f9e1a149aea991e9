// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// A path in the memory of a process, with another one written over it.
struct OverwrittenPath: Sendable {
  var address: UInt64
  var old: [UInt8]
  var new: [UInt8]
}

extension Receiver {
  /// Whether a process of the sandbox, `strace` for one, traces the thread: nobody else can.
  func isTraced(_ thread: pid_t) -> Bool {
    guard let status = try? contents(of: PathBytes("/proc/\(thread)/status"), limit: 64 << 10)
    else { return false }
    return (field("TracerPid:", of: status) ?? 0) != 0
  }

  /// Executes the loader in a thread that cannot be stopped: its path is replaced in its memory, which
  /// is about to go. Where that is its parent's too (`vfork`), the parent gets its path back.
  ///
  /// - Parameter number: Of the loader, in the caller.
  func executeTraced(_ call: Call, _ request: ExecRequest, _ program: Program, loader number: Int32)
    throws(Errno) -> Answer
  {
    let process = processGroup(of: call.thread)
    let path = descriptorPath(number, nil)
    let old = Array(try read(path.count, at: request.path, of: call))
    world.programs.await(
      program, in: process,
      overwriting: OverwrittenPath(address: request.path, old: old, new: path))
    let failure: Errno? = path.withUnsafeBytes { bytes in
      do throws(Errno) {
        try write(bytes, at: request.path, of: call)
        return nil
      } catch {
        return error
      }
    }
    guard failure == nil else {
      _ = world.programs.take(process)
      throw .notPermitted
    }
    return .proceed
  }

  /// - Parameter process: Has executed the loader.
  func putBackPath(of process: pid_t) {
    guard let overwritten = world.programs.takeOverwrittenPath(process),
      let status = try? contents(of: PathBytes("/proc/\(process)/status"), limit: 64 << 10),
      let parent = field("PPid:", of: status), world.states.contains(parent)
    else { return }
    var found = [UInt8](repeating: 0, count: overwritten.new.count)
    let count = found.count
    guard caisson_read_memory(parent, overwritten.address, &found, count) == count,
      found == overwritten.new
    else { return }
    _ = overwritten.old.withUnsafeBytes { bytes in
      bytes.baseAddress.map { caisson_write_memory(parent, overwritten.address, $0, count) }
    }
  }
}
