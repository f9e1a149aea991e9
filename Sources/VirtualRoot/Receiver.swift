// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// One thread that takes calls from the listener and answers them, with memory of its own for the
/// call in hand.
final class Receiver {
  let world: World
  let listener: Int32
  private let handlers: [TrappedCall.Handler?]

  /// Two paths at a time: `rename` and `link` have two.
  let firstPath = PathBuffer()
  let secondPath = PathBuffer()
  /// Where a file of `/proc` lies.
  let processFilePath = PathBuffer()
  /// The last components of both.
  let firstName = PathBuffer()
  let secondName = PathBuffer()
  /// Where something lies by the names of the machine.
  let hostPath = PathBuffer()
  /// For what is read from or written to the caller's memory besides paths.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  let walker: Walker
  let directories = DirectoryCache()

  init(world: World, listener: Int32) {
    self.world = world
    self.listener = listener
    handlers = TrappedCall.handlersByNumber
    walker = Walker(world)
  }

  deinit { scratch.deallocate() }

  /// Answers calls until no process is left that could make one.
  func serve() {
    var notification = seccomp_notif()
    while true {
      guard caisson_receive(listener, &notification) == 0 else {
        let errno = Errno.current
        // ENOENT: the caller was killed while we were about to take it.
        guard errno.code == EINTR || errno.code == ENOENT, !world.isEnding else { return }
        continue
      }
      let call = Call(notification)
      world.rememberFirst(call.thread)
      handle(call)
      if world.isEnding { return }
    }
  }

  private func handle(_ call: Call) {
    do throws(Errno) {
      guard call.number < handlers.count, let handler = handlers[call.number] else {
        throw Errno(ENOSYS)
      }
      switch try handler(self, call) {
      case .value(let value): answer(call, value: value)
      case .descriptor(let number, let closeOnExec):
        defer { close(number) }
        guard caisson_answer_descriptor(listener, call.id, number, closeOnExec ? 1 : 0) < 0 else {
          return
        }
        let errno = Errno.current
        // Too many open files is the caller's own limit; when it is gone nobody listens.
        if errno.code != ENOENT { answer(call, errno: errno) }
      case .proceed: _ = caisson_answer(listener, call.id, 0, 0, 1)
      case .elsewhere: break
      }
    } catch {
      answer(call, errno: error)
    }
  }

  func answer(_ call: Call, value: Int64) { _ = caisson_answer(listener, call.id, value, 0, 0) }

  func answer(_ call: Call, errno: Errno) {
    _ = caisson_answer(listener, call.id, 0, -errno.code, 0)
  }
}

extension TrappedCall {
  static let all: [TrappedCall] =
    openCalls + statusCalls + nameCalls + metadataCalls + attributeCalls + directoryCalls
    + listingCalls
    + execCalls + socketCalls + identityCalls + processCalls + refusedCalls
    + [nameOfSystem]

  static let rules = Dictionary(uniqueKeysWithValues: all.map { ($0.number, $0.rule) })

  static var handlersByNumber: [Handler?] {
    var handlers = [Handler?](repeating: nil, count: 512)
    for call in all { handlers[call.number] = call.handler }
    return handlers
  }
}
