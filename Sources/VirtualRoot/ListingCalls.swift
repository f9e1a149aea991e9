// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem

extension TrappedCall {
  static let listingCalls: [TrappedCall] = [
    TrappedCall(SYS_getdents64, .notifyUnlessCookie) { (receiver, call) throws(Errno) in
      try receiver.list(call)
    }
  ]
}

extension Receiver {
  /// The kernel lists directories, but where device nodes are it tells what they are on disk.
  fileprivate func list(_ call: Call) throws(Errno) -> Answer {
    var raw = statx()
    let status = withDescriptorPath(call.thread, call.i0) { statx(AT_FDCWD, $0, 0, 0, &raw) }
    let directory = Inode(raw: raw, record: nil, domain: .tree).number
    guard status == 0, world.hasDevices(in: directory) else { return .proceed }
    var injection = try Injection(call, listener: listener)
    let value = try injection.make(SYS_getdents64, call.a0, call.a1, call.a2, 0, 0, world.cookie)
    if value > 0 { try? correct(call, count: Int(value)) }
    injection.finish(value)
    return .elsewhere
  }

  /// Goes through what the kernel wrote: `struct linux_dirent64`, getdents(2).
  private func correct(_ call: Call, count: Int) throws(Errno) {
    let (headSize, kindOffset, regular) = (19, 18, UInt8(8))
    var offset = 0
    while offset + headSize <= count {
      // A name is short, and so is what is read for it.
      let entry = try read(min(count - offset, 280), at: call.a1 + UInt64(offset), of: call)
      let size = Int(entry.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
      guard size > headSize, size <= count - offset else { return }
      if entry[kindOffset] == regular, let kind = kind(call, of: entry.dropFirst(headSize)) {
        try store(kind, at: call.a1 + UInt64(offset + kindOffset), of: call)
      }
      offset += size
    }
  }

  /// - Parameter name: What begins with it, and a NUL.
  /// - Returns: DT_CHR or DT_BLK; nil for what is no device node.
  private func kind(_ call: Call, of name: Slice<UnsafeMutableRawBufferPointer>) -> UInt8? {
    hostPath.removeAll()
    withDescriptorPath(call.thread, call.i0) { text in
      try? hostPath.append(text, count: strlen(text))
    }
    let name = PathBytes(name.prefix { $0 != 0 })
    guard (try? hostPath.append(byte: slash)) != nil, (try? hostPath.append(name)) != nil else {
      return nil
    }
    var raw = statx()
    guard statx(AT_FDCWD, hostPath.start, AT_SYMLINK_NOFOLLOW, statusMask, &raw) == 0 else {
      return nil
    }
    switch world.recorded(raw, .tree).kind {
    case FileMode.characterDevice: return 2
    case FileMode.blockDevice: return 6
    default: return nil
    }
  }
}
