// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

/// Calls with addresses of the internet, of which only low ports are of interest: without privileges
/// the kernel gives them to nobody, so their sockets have others, and are found under theirs.
extension Receiver {
  /// What is at `address`, when it is an address of the internet.
  private func internetAddress(at address: UInt64, count: UInt64, of call: Call) throws(Errno)
    -> InternetAddress?
  {
    let count = Int(Int32(truncatingIfNeeded: count))
    guard address != 0, count > 2, count <= 128 else { return nil }
    return InternetAddress(Array(try read(count, at: address, of: call)))
  }

  func bindToPort(_ call: Call) throws(Errno) -> Answer {
    guard let address = try internetAddress(at: call.a1, count: call.a2, of: call),
      address.port != 0, address.port < world.ports.firstFree,
      try state(of: call).credentials.has(CAP_NET_BIND_SERVICE)
    else { return .proceed }
    let known = world.ports.substitute(for: address.port)
    var injection = try Injection(call, listener: listener)
    var value = -Int64(EADDRINUSE)
    for _ in 0..<(known == nil ? 50 : 1) {
      var substitute = address
      substitute.port = known ?? world.ports.candidate()
      value = try injection.make(
        SYS_bind, with: substitute.bytes, cookie: world.cookie, closing: nil
      ) { page in (call.a0, page, UInt64(substitute.bytes.count), 0) }
      if value == 0 { world.ports.remember(substitute.port, for: address.port) }
      if value != -Int64(EADDRINUSE) { break }
    }
    injection.finish(value)
    return .elsewhere
  }

  /// The way to a socket of the sandbox with a low port of this machine.
  ///
  /// - Returns: Nil for all other addresses.
  func reach(_ call: Call, addressAt address: UInt64, count: UInt64) throws(Errno) -> WayToSocket? {
    guard world.isOffline || !world.ports.isEmpty,
      var target = try internetAddress(at: address, count: count, of: call)
    else { return nil }
    if world.isOffline, !target.isLoopback { throw Errno(ENETUNREACH) }
    guard let substitute = world.ports.substitute(for: target.port), target.isLocal
    else { return nil }
    target.port = substitute
    return WayToSocket(directory: nil, address: target.bytes, link: nil)
  }

  /// `recvfrom` that wants to know the sender.
  func receive(_ call: Call) throws(Errno) -> Answer {
    guard call.a5 != 0, hasOtherName(call.i0, of: call) else { return .proceed }
    let room = try load(UInt32.self, at: call.a5, of: call)
    let (listener, world) = (listener, world)
    let header: [UInt64] = [call.a4, UInt64(room), 0, 1, 0, 0, 0, call.a1, call.a2]
    // It may have to wait.
    startThread {
      Self.inject(call, listener) { (injection) throws(Errno) in
        var count: UInt32 = 0
        let value = try injection.make(
          SYS_recvmsg,
          with: { place in
            var header = header
            header[2] = place + 56  // Behind `struct msghdr`.
            return header.withUnsafeBytes { Array($0) }
          }, cookie: world.cookie, closing: nil, mayWait: true,
          then: { _ = caisson_read_memory(call.thread, $0 + 8, &count, 4) }
        ) { page in (call.a0, page, call.a3, 0) }
        guard value >= 0 else { return value }
        _ = caisson_write_memory(call.thread, call.a5, &count, 4)
        world.rename(
          call.thread, addressAt: call.a4, count: Int(count), room: Int(room), countAt: call.a5)
        return value
      }
    }
    return .elsewhere
  }
}

extension World {
  /// Replaces an address that the kernel has just written by the one that was asked for.
  ///
  /// - Parameters:
  ///   - count: How long it is.
  ///   - room: How much of it there was room for.
  ///   - countAt: Where the caller is told how long it is.
  func rename(
    _ thread: pid_t, addressAt place: UInt64, count: Int, room: Int, countAt: UInt64
  ) {
    guard count > 2, count <= room, count <= MemoryLayout<sockaddr_un>.size + 1 else { return }
    var bytes = [UInt8](repeating: 0, count: count)
    guard caisson_read_memory(thread, place, &bytes, count) == count else { return }
    if var address = InternetAddress(bytes) {
      guard let port = ports.port(behind: address.port), address.isLocal else { return }
      address.port = port
      bytes = address.bytes
    } else {
      let path = PathBytes(bytes.dropFirst(2).prefix { $0 != 0 })
      guard let name = sockets.name(ofAddress: path) else { return }
      bytes = AddressedMessage.address(name.bytes + [0])
    }
    _ = caisson_write_memory(thread, place, bytes, min(bytes.count, room))
    var count = UInt32(bytes.count)
    _ = caisson_write_memory(thread, countAt, &count, 4)
  }
}
