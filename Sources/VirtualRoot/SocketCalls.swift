// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension TrappedCall {
  static let socketCalls: [TrappedCall] = [
    TrappedCall(SYS_bind, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      guard let name = try receiver.socketName(at: call.a1, count: call.a2, of: call) else {
        return try receiver.bindWithoutName(call)
      }
      return try receiver.bind(call, name)
    },
    TrappedCall(SYS_connect, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      guard let way = try receiver.reach(call, nameAt: call.a1, count: call.a2) else {
        return .proceed
      }
      return receiver.connect(call, way)
    },
    // Without an address, no name.
    TrappedCall(SYS_sendto, .ifNonZero(4, mask: .max, .notify, otherwise: .allow)) {
      (receiver, call) throws(Errno) in
      guard let way = try receiver.reach(call, nameAt: call.a4, count: call.a5) else {
        return .proceed
      }
      return receiver.send(
        call, msghdr(), data: (address: call.a1, count: call.a2), by: way, flags: call.a3)
    },
    // Who does not ask for the sender's name is not told another.
    TrappedCall(SYS_recvfrom, .ifNonZero(4, mask: .max, .notify, otherwise: .allow)) {
      (receiver, call) throws(Errno) in
      try receiver.receive(call)
    },
    TrappedCall(SYS_sendmsg, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.sendMessage(call, at: call.a1, flags: call.a2)
    },
    TrappedCall(SYS_sendmmsg, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.sendMessages(call)
    },
    TrappedCall(SYS_getsockname, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.nameOfSocket(call)
    },
    TrappedCall(SYS_getpeername, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.nameOfSocket(call)
    },
    TrappedCall(SYS_inotify_add_watch, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.addWatch(call)
    },
  ]
}

extension Receiver {
  /// The name in the file system that an address is, if it is one. unix(7).
  ///
  /// - Returns: Nil for all other addresses, which are the kernel's business alone.
  fileprivate func socketName(at address: UInt64, count: UInt64, of call: Call) throws(Errno)
    -> PathBytes?
  {
    // `int`, of which the kernel refuses what is negative or too long.
    let count = Int(Int32(truncatingIfNeeded: count))
    guard address != 0, count > 2, count <= MemoryLayout<sockaddr_un>.size else { return nil }
    let bytes = try read(count, at: address, of: call)
    guard bytes.loadUnaligned(as: sa_family_t.self) == AF_UNIX, bytes[2] != 0 else { return nil }
    let path = PathBytes(bytes.dropFirst(2).prefix { $0 != 0 })
    return world.sockets.name(ofAddress: path) ?? path
  }

  // MARK: - bind

  /// The socket gets a name in the scratch directory, which is then moved to where it belongs: so what
  /// the kernel keeps as its address says which socket it is.
  fileprivate func bind(_ call: Call, _ name: PathBytes) throws(Errno) -> Answer {
    let state = try state(of: call)
    firstPath.removeAll()
    try firstPath.append(name)
    let place = try place(call, at: AT_FDCWD, firstPath, firstName, state)
    var raw = statx()
    if isDots(place.name) || statx(place.number, place.name, AT_SYMLINK_NOFOLLOW, 0, &raw) == 0 {
      throw Errno(EADDRINUSE)
    }
    if place.mustBeDirectory { throw .noSuchFile }
    try checkChange(in: place.directory, state)
    let new = newFile(FileMode.socket | 0o777, in: place.directory.inode, state)

    let token = world.sockets.newToken()
    let scratch = try reopen(world.scratchNumber, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(scratch) }
    // Nothing moves between file systems.
    guard try world.inode(of: scratch, .tree).device == place.directory.inode.device else {
      throw .crossDevice
    }
    let number = try add(scratch, to: call)
    let address = token.withCString { AddressedMessage.address(descriptorPath(number, $0)) }
    var injection = try Injection(call, listener: listener)
    var value = try injection.make(
      SYS_bind, with: address, cookie: world.cookie, closing: number
    ) { page in (call.a0, page, UInt64(address.count), 0) }
    if value == 0 {
      do throws(Errno) {
        try settle(new, world.scratchNumber, token, at: place)
        world.sockets.add(token, asked: name)
      } catch {
        value = -Int64(error.code)
      }
    }
    injection.finish(value)
    return .elsewhere
  }

  /// Moves a socket to its place and records whose it is.
  private func settle(
    _ new: NewFile, _ scratch: Int32, _ token: PathBytes, at place: borrowing Place
  ) throws(Errno) {
    let directory = place.number
    let target = place.name
    try token.withCString { (token) throws(Errno) in
      do throws(Errno) {
        guard fchmodat(scratch, token, mode_t(new.permissionsOnDisk), 0) == 0 else {
          throw Errno.current
        }
        try settle(new, scratch, token)
        guard caisson_rename(scratch, token, directory, target, UInt32(RENAME_NOREPLACE)) == 0
        else {
          let errno = Errno.current
          throw errno == .exists ? Errno(EADDRINUSE) : errno
        }
      } catch {
        unlinkat(scratch, token, 0)
        throw error
      }
    }
    noteName(place.name, in: place.directory)
  }

  // MARK: - connect and send

  fileprivate func connect(_ call: Call, _ way: WayToSocket) -> Answer {
    let (listener, world) = (listener, world)
    // Where the other side accepts nobody for now, it waits.
    startThread {
      Self.inject(call, listener) { (injection) throws(Errno) in
        try injection.make(
          SYS_connect, with: way.address, cookie: world.cookie, closing: way.directory,
          mayWait: true
        ) { page in (call.a0, page, UInt64(way.address.count), 0) }
      }
      way.remove(in: world)
    }
    return .elsewhere
  }

  fileprivate func sendMessage(_ call: Call, at address: UInt64, flags: UInt64) throws(Errno)
    -> Answer
  {
    let header = try load(msghdr.self, at: address, of: call)
    guard
      let way = try reach(
        call, nameAt: UInt64(UInt(bitPattern: header.msg_name)), count: UInt64(header.msg_namelen))
    else { return .proceed }
    return send(call, header, by: way, flags: flags)
  }

  /// Several at once are allowed to become fewer: with names among them, one.
  fileprivate func sendMessages(_ call: Call) throws(Errno) -> Answer {
    let size = UInt64(MemoryLayout<mmsghdr>.stride)
    for index in 0..<min(call.a2, 1024) {
      let header = try load(msghdr.self, at: call.a1 + index * size, of: call)
      let way = try reach(
        call, nameAt: UInt64(UInt(bitPattern: header.msg_name)), count: UInt64(header.msg_namelen))
      guard let way else { continue }
      guard index == 0 else { throw .invalidArgument }
      let place = call.a1 + UInt64(MemoryLayout<msghdr>.size)
      return send(call, header, by: way, flags: call.a3, countAt: place)
    }
    return .proceed
  }

  /// - Parameters:
  ///   - data: What to send, where `header` does not say.
  ///   - countAt: Where the caller wants to find how much was sent; its call gives 1 then.
  fileprivate func send(
    _ call: Call, _ header: msghdr, data: (address: UInt64, count: UInt64)? = nil,
    by way: WayToSocket, flags: UInt64, countAt place: UInt64? = nil
  ) -> Answer {
    let (listener, world) = (listener, world)
    let message = AddressedMessage(header, data: data, to: way.address)
    // A full queue keeps it waiting.
    startThread {
      Self.inject(call, listener) { (injection) throws(Errno) in
        var value = try injection.make(
          SYS_sendmsg, with: { message.bytes(at: $0) }, cookie: world.cookie,
          closing: way.directory, mayWait: true
        ) { page in (call.a0, page, flags, 0) }
        if let place, value >= 0 {
          var count = UInt32(value)
          _ = caisson_write_memory(call.thread, place, &count, 4)
          value = 1
        }
        return value
      }
      way.remove(in: world)
    }
    return .elsewhere
  }

  static func inject(
    _ call: Call, _ listener: Int32, _ body: (inout Injection) throws(Errno) -> Int64
  ) {
    do throws(Errno) {
      var injection = try Injection(call, listener: listener)
      let value = try body(&injection)
      injection.finish(value)
    } catch {
      _ = caisson_answer(listener, call.id, 0, -error.code, 0)
    }
  }

  /// The way to a socket with a name, or with a port that stands for another.
  ///
  /// - Returns: Nil for all other addresses, which are the kernel's business alone.
  fileprivate func reach(_ call: Call, nameAt address: UInt64, count: UInt64) throws(Errno)
    -> WayToSocket?
  {
    if let name = try socketName(at: address, count: count, of: call) {
      return try reach(call, name)
    }
    if let copy = try unixAddress(at: address, count: count, of: call) {
      return WayToSocket(directory: nil, address: copy, link: nil)
    }
    return try reach(call, addressAt: address, count: count)
  }

  /// Finds a socket, and gives the caller the directory it is in.
  fileprivate func reach(_ call: Call, _ name: PathBytes) throws(Errno) -> WayToSocket {
    let state = try state(of: call)
    firstPath.removeAll()
    try firstPath.append(name)
    let file = try file(call, at: AT_FDCWD, firstPath, follow: true, state)
    guard permits(file.inode, W_OK, state.credentials) else { throw .accessDenied }
    guard file.inode.kindOnDisk == FileMode.socket else { throw Errno(ECONNREFUSED) }
    try world.readHostPath(of: file.number, into: hostPath)
    var path = hostPath.path
    var link: PathBytes?
    // Behind the directory's path there may not be room for a name that fitted without it.
    if path.name.bytes.count > MemoryLayout<sockaddr_un>.size - 32 {
      let token = world.sockets.newToken()
      path = world.scratch.appending(token)
      let status = withOwnPath(file.number) { source in
        path.withCString { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
      }
      guard status == 0 else { throw Errno(ENAMETOOLONG) }
      link = token
    }
    let opened = path.parent.withCString { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard opened >= 0 else { throw Errno.current }
    defer { close(opened) }
    let number = try add(opened, to: call)
    let text = path.name.withCString { descriptorPath(number, $0) }
    return WayToSocket(
      directory: number, address: AddressedMessage.address(text), link: link)
  }

  // MARK: - Names of sockets

  /// `getsockname` and `getpeername`: what the kernel keeps is told as it was asked for.
  fileprivate func nameOfSocket(_ call: Call) throws(Errno) -> Answer {
    guard hasOtherName(call.i0, of: call) else { return .proceed }
    let room = try load(Int32.self, at: call.a2, of: call)
    var injection = try Injection(call, listener: listener)
    let value = try injection.make(
      call.number32, call.a0, call.a1, call.a2, 0, 0, world.cookie)
    if value == 0, let count = try? load(Int32.self, at: call.a2, of: call) {
      world.rename(
        call.thread, addressAt: call.a1, count: Int(count), room: Int(room), countAt: call.a2)
    }
    injection.finish(value)
    return .elsewhere
  }

  /// Whether a socket may have an address that is not what a process asked for.
  func hasOtherName(_ number: Int32, of call: Call) -> Bool {
    let (names, ports) = (!world.sockets.isEmpty, !world.ports.isEmpty)
    guard names || ports else { return false }
    return isUnixSocket(number, of: call) ? names : ports
  }

  private func isUnixSocket(_ number: Int32, of call: Call) -> Bool {
    protocolName(number, of: call).hasPrefix("UNIX")
  }

  private func protocolName(_ number: Int32, of call: Call) -> String {
    var name = [UInt8](repeating: 0, count: 32)
    let count = withDescriptorPath(call.thread, number) {
      getxattr($0, "system.sockprotoname", &name, name.count)
    }
    return String(decoding: name.prefix(max(0, count)).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// An address without a name in the file system, of a socket that could have one. The kernel is
  /// given this copy: it must not come to read another.
  ///
  /// - Returns: Empty for none, nil where no address does harm.
  private func unixAddress(at address: UInt64, count: UInt64, of call: Call) throws(Errno)
    -> [UInt8]?
  {
    let kind = protocolName(call.i0, of: call)
    guard kind.hasPrefix("UNIX") else { return nil }
    let count = Int(Int32(truncatingIfNeeded: count))
    // Those that are connected send to nobody else.
    guard address != 0, count > 0 else { return kind == "UNIX" ? [] : nil }
    guard count <= MemoryLayout<sockaddr_un>.size else { throw .invalidArgument }
    return Array(try read(count, at: address, of: call))
  }

  fileprivate func bindWithoutName(_ call: Call) throws(Errno) -> Answer {
    guard let copy = try unixAddress(at: call.a1, count: call.a2, of: call) else {
      return try bindToPort(call)
    }
    var injection = try Injection(call, listener: listener)
    let value = try injection.make(
      SYS_bind, with: copy, cookie: world.cookie, closing: nil
    ) { page in (call.a0, page, UInt64(copy.count), 0) }
    injection.finish(value)
    return .elsewhere
  }
}

/// How a process reaches a socket.
struct WayToSocket: Sendable {
  /// The number of a directory in the process, where the address needs one.
  var directory: Int32?
  /// Of the socket, by that directory.
  var address: [UInt8]
  /// A second name that was made for it in the scratch directory.
  var link: PathBytes?

  func remove(in world: World) {
    guard let link else { return }
    _ = link.withCString { unlinkat(world.scratchNumber, $0, 0) }
  }
}

/// A message with an address, to be laid out in the memory of a process. sendmsg(2).
struct AddressedMessage: Sendable {
  /// `struct msghdr` of the process.
  private var header: [UInt64]
  private let data: [UInt64]
  private let address: [UInt8]

  /// - Parameter data: What to send, where `header` does not say.
  init(_ header: msghdr, data: (address: UInt64, count: UInt64)?, to address: [UInt8]) {
    self.header = [
      0, UInt64(address.count), UInt64(UInt(bitPattern: header.msg_iov)),
      UInt64(header.msg_iovlen), UInt64(UInt(bitPattern: header.msg_control)),
      UInt64(header.msg_controllen), 0,
    ]
    self.data = data.map { [$0.address, $0.count] } ?? []
    self.address = address
  }

  func bytes(at place: UInt64) -> [UInt8] {
    var header = header
    header[0] = place + UInt64(8 * (header.count + data.count))
    if !data.isEmpty { (header[2], header[3]) = (place + UInt64(8 * header.count), 1) }
    return (header + data).withUnsafeBytes { Array($0) } + address
  }

  /// - Parameter path: With its NUL.
  static func address(_ path: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + path
  }
}
