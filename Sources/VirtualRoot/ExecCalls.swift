// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let execCalls: [TrappedCall] = [
    TrappedCall(SYS_execve) { (receiver, call) throws(Errno) in
      try receiver.execute(
        call,
        ExecRequest(
          directory: AT_FDCWD, path: call.a0, arguments: call.a1, environment: call.a2, flags: 0))
    },
    TrappedCall(SYS_execveat, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      if Int64(bitPattern: call.a0) == Int64(CAISSON_PLAN_REQUEST) {
        return try receiver.handOverPlan(call)
      }
      return try receiver.execute(
        call,
        ExecRequest(
          directory: call.i0, path: call.a1, arguments: call.a2, environment: call.a3,
          flags: call.i4))
    },
  ]
}

/// What `execve` or `execveat` was asked for.
struct ExecRequest {
  var directory: Int32
  /// The addresses of what the caller passed.
  var path: UInt64
  var arguments: UInt64
  var environment: UInt64
  var flags: Int32

  /// AT_EXECVE_CHECK: only asks whether it would be executed.
  var isCheck: Bool { flags & 0x10000 != 0 }
  var allowsEmptyPath: Bool { flags & AT_EMPTY_PATH != 0 }
  var follows: Bool { flags & AT_SYMLINK_NOFOLLOW == 0 }
  var hasUnknownFlags: Bool { flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | 0x10000) != 0 }
}

extension Receiver {
  /// Makes the caller execute the loader, which then asks for the program that was found here.
  ///
  /// The kernel cannot be told of another path without writing it into the caller's memory, which
  /// others may share. So the caller is stopped and makes another call instead: `execveat` with the
  /// loader's descriptor and the NUL at the end of its own path for an empty one.
  fileprivate func execute(_ call: Call, _ request: ExecRequest) throws(Errno) -> Answer {
    if request.hasUnknownFlags { throw .invalidArgument }
    let state = try state(of: call)
    try readPath(at: request.path, of: call, into: firstPath)
    let pathCount = firstPath.count
    let search = try search(call, request, firstPath, state)
    if request.isCheck { return .done }
    let program = try program(call, search, state)

    let loader = world.programs.loader(
      hasExecutableStack: program.headers.hasExecutableStack)
    let leftover = leftover(of: loader, in: call)
    let number = if let leftover { leftover } else { try add(loader.number, to: call) }
    do throws(Errno) {
      // Nobody's signals can keep a process from executing for ever.
      return try execute(
        call, request, pathCount: pathCount, program, loader: number, holdsSignals: leftover != nil)
    } catch {
      guard error == .notPermitted, pathCount > 0, isTraced(call.thread) else { throw error }
      return try executeTraced(call, request, program, loader: number)
    }
  }

  private func execute(
    _ call: Call, _ request: ExecRequest, pathCount: Int, _ program: Program,
    loader number: Int32, holdsSignals: Bool
  ) throws(Errno) -> Answer {
    var injection = try Injection(call, listener: listener)
    let programs = world.programs
    let execution = try injection.execute(
      (
        UInt64(number), request.path + UInt64(pathCount), request.arguments, request.environment,
        UInt64(AT_EMPTY_PATH)
      ), cookie: world.cookie, holdsSignals: holdsSignals
    ) { programs.await(program, in: $0) }
    switch execution {
    case .executed: injection.leave()
    case .failed(let value):
      _ = try injection.make(SYS_close, UInt64(number))
      injection.finish(value)
    case .interrupted:
      programs.leave(number, in: call.thread)
      injection.repeatCall()
    }
    return .elsewhere
  }

  /// - Returns: The loader's descriptor that an interrupted attempt left in the caller.
  private func leftover(of loader: LoaderFile, in call: Call) -> Int32? {
    guard let number = world.programs.leftover(in: call.thread) else { return nil }
    var status = stat()
    let found = withDescriptorPath(call.thread, number) { stat($0, &status) }
    let inode = InodeNumber(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    return found == 0 && inode == loader.inode ? number : nil
  }

  /// Answers the loader in a process that has just executed it.
  fileprivate func handOverPlan(_ call: Call) throws(Errno) -> Answer {
    guard let program = world.programs.take(call.thread) else { throw Errno(EBADF) }
    putBackPath(of: call.thread)
    let state = try state(of: call)
    var number: Int32 = -1
    if program.interpreter != nil {
      number = try add(program.file, to: call)
    }
    let last = caisson_fcntl_int(program.interpreter?.file ?? program.file, F_DUPFD_CLOEXEC, 0)
    guard last >= 0 else { throw Errno.current }
    do throws(Errno) {
      try write(plan(program, descriptor: number), at: call.a1, of: call)
      try enter(
        call, from: state, credentials: program.credentials, executable: program.executable)
      if program.isUnnamed { world.programs.keepUnnamed(program) }
    } catch {
      close(last)
      throw error
    }
    return .descriptor(last, closeOnExec: true)
  }

  /// - Parameter descriptor: Of the program, in the process; -1 when it is what the call returns.
  private func plan(_ program: Program, descriptor: Int32) -> UnsafeRawBufferPointer {
    guard let start = scratch.baseAddress else { preconditionFailure("an empty allocation") }
    let plan = start.bindMemory(to: caisson_plan.self, capacity: 1)
    plan.pointee.page_size = world.programs.pageSize
    plan.pointee.headers = program.headers.address
    plan.pointee.header_count = program.headers.count
    plan.pointee.uid = UInt64(program.credentials.uid)
    plan.pointee.effective_uid = UInt64(program.credentials.effectiveUID)
    plan.pointee.gid = UInt64(program.credentials.gid)
    plan.pointee.effective_gid = UInt64(program.credentials.effectiveGID)
    plan.pointee.is_secure = program.isSecure ? 1 : 0
    plan.pointee.has_interpreter = program.interpreter == nil ? 0 : 1
    plan.pointee.prefix_count = UInt64(program.prefix.count)
    plan.pointee.text_size = 0
    withUnsafeMutableBytes(of: &plan.pointee.name) { name in
      name.copyBytes(from: [UInt8](repeating: 0, count: name.count))
      name.copyBytes(from: program.command.bytes)
    }
    fill(&plan.pointee.program, program.headers, descriptor)
    if let interpreter = program.interpreter {
      fill(&plan.pointee.interpreter, interpreter.headers, -1)
    }
    for text in [program.name] + program.prefix {
      text.withCString { caisson_add_text(plan, $0, text.bytes.count) }
    }
    return UnsafeRawBufferPointer(start: start, count: caisson_plan_size(plan))
  }

  private func fill(_ object: inout caisson_object, _ headers: ProgramHeaders, _ descriptor: Int32)
  {
    object.descriptor = descriptor
    object.segment_count = 0
    object.lowest = headers.lowest
    object.span = headers.span
    object.alignment = headers.alignment
    object.entry = headers.entry
    object.is_fixed = headers.isFixed ? 1 : 0
    for part in headers.parts {
      caisson_add_segment(
        &object,
        caisson_segment(
          address: part.address, offset: part.offset, file_size: part.fileSize,
          memory_size: part.memorySize, protection: part.protection))
    }
  }
}
