// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension TrappedCall {
  static let attributeCalls: [TrappedCall] = [
    TrappedCall(SYS_setxattr) { (receiver, call) throws(Errno) in
      try receiver.setAttribute(call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true))
    },
    TrappedCall(SYS_lsetxattr) { (receiver, call) throws(Errno) in
      try receiver.setAttribute(call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: false))
    },
    TrappedCall(SYS_fsetxattr) { (receiver, call) throws(Errno) in
      try receiver.setAttribute(call, of: receiver.file(call, behind: call.i0))
    },
    TrappedCall(SYS_getxattr) { (receiver, call) throws(Errno) in
      try receiver.getAttribute(call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true))
    },
    TrappedCall(SYS_lgetxattr) { (receiver, call) throws(Errno) in
      try receiver.getAttribute(call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: false))
    },
    TrappedCall(SYS_fgetxattr) { (receiver, call) throws(Errno) in
      try receiver.getAttribute(call, of: receiver.file(call, behind: call.i0))
    },
    TrappedCall(SYS_listxattr) { (receiver, call) throws(Errno) in
      try receiver.listAttributes(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true))
    },
    TrappedCall(SYS_llistxattr) { (receiver, call) throws(Errno) in
      try receiver.listAttributes(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: false))
    },
    TrappedCall(SYS_flistxattr) { (receiver, call) throws(Errno) in
      try receiver.listAttributes(call, of: receiver.file(call, behind: call.i0))
    },
    TrappedCall(SYS_removexattr) { (receiver, call) throws(Errno) in
      try receiver.removeAttribute(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: true))
    },
    TrappedCall(SYS_lremovexattr) { (receiver, call) throws(Errno) in
      try receiver.removeAttribute(
        call, of: receiver.file(call, at: AT_FDCWD, call.a0, follow: false))
    },
    TrappedCall(SYS_fremovexattr) { (receiver, call) throws(Errno) in
      try receiver.removeAttribute(call, of: receiver.file(call, behind: call.i0))
    },
  ]
}

/// Who keeps an extended attribute, by its name. xattr(7).
private enum AttributeSpace {
  /// On disk, as it is.
  case user
  /// In the records; `capability` is what changing it takes.
  case recorded(capability: Int32)
  case accessList(isDefault: Bool)

  init(_ name: PathBytes) throws(Errno) {
    if name.hasPrefix("user.") {
      self = .user
    } else if name == AccessList.accessName {
      self = .accessList(isDefault: false)
    } else if name == AccessList.defaultName {
      self = .accessList(isDefault: true)
    } else if name == "security.capability" {
      self = .recorded(capability: CAP_SETFCAP)
    } else if name.hasPrefix("security.") || name.hasPrefix("trusted.") {
      self = .recorded(capability: CAP_SYS_ADMIN)
    } else {
      throw .notSupported
    }
  }
}

extension Receiver {
  /// - Throws: ERANGE for an empty or too long name, as the kernel.
  private func readAttributeName(at address: UInt64, of call: Call) throws(Errno) -> PathBytes {
    try readPath(at: address, of: call, into: secondPath)
    guard (1...255).contains(secondPath.count) else { throw Errno(ERANGE) }
    return secondPath.path
  }

  fileprivate func setAttribute(_ call: Call, of file: consuming File) throws(Errno) -> Answer {
    guard call.a3 <= 64 << 10 else { throw Errno(E2BIG) }
    guard call.i4 & ~3 == 0 else { throw .invalidArgument }
    let name = try readAttributeName(at: call.a1, of: call)
    let value = UnsafeRawBufferPointer(try read(Int(call.a3), at: call.a2, of: call))
    let credentials = try state(of: call).credentials
    let space = try AttributeSpace(name)
    try checkWritable(file)
    switch space {
    case .user:
      guard file.inode.isDirectory || file.inode.kind == FileMode.regular else {
        throw .notPermitted
      }
      guard permits(file.inode, W_OK, credentials) else { throw .accessDenied }
      let own = try change(file, .metadata)
      let status = withOwnPath(own.number) { path in
        name.withCString { setxattr(path, $0, value.baseAddress, value.count, call.i4) }
      }
      guard status == 0 else { throw Errno.current }
    case .recorded(let capability):
      guard credentials.has(capability) else { throw .notPermitted }
      if capability == CAP_SETFCAP, !isCapability(value) { throw .invalidArgument }
      let own = try change(file, .metadata)
      try world.records.setAttribute(
        ExtendedAttribute(name: name, value: Array(value)), of: own.inode.key, flags: call.i4,
        default: own.inode.defaultRecord)
    case .accessList(let isDefault):
      try setAccessList(value, isDefault: isDefault, of: file, credentials)
    }
    return .done
  }

  /// capabilities(7), "File capability extended attribute versioning".
  private func isCapability(_ value: UnsafeRawBufferPointer) -> Bool {
    guard value.count >= 4 else { return false }
    switch value.loadUnaligned(as: UInt32.self) >> 24 {
    case 1: return value.count == 12
    case 2: return value.count == 20
    case 3: return value.count == 24
    default: return false
    }
  }

  fileprivate func getAttribute(_ call: Call, of file: consuming File) throws(Errno) -> Answer {
    let name = try readAttributeName(at: call.a1, of: call)
    let credentials = try state(of: call).credentials
    let value: [UInt8]
    switch try AttributeSpace(name) {
    case .user:
      guard permits(file.inode, R_OK, credentials) else { throw .accessDenied }
      value = try userAttribute(name, of: file)
    case .recorded(let capability):
      // What only root of the machine may see is not there for others.
      if name.hasPrefix("trusted."), !credentials.has(capability) { throw .noData }
      value = try recordedAttribute(name, of: file)
    case .accessList: value = try recordedAttribute(name, of: file)
    }
    return try answer(call, value, at: call.a2, limit: call.a3)
  }

  private func answer(_ call: Call, _ value: [UInt8], at address: UInt64, limit: UInt64)
    throws(Errno) -> Answer
  {
    if limit == 0 { return .value(Int64(value.count)) }
    guard value.count <= Int(clamping: limit) else { throw Errno(ERANGE) }
    let failure: Errno? = value.withUnsafeBytes { bytes in
      do throws(Errno) { try write(bytes, at: address, of: call) } catch { return error }
      return nil
    }
    if let failure { throw failure }
    return .value(Int64(value.count))
  }

  private func recordedAttribute(_ name: PathBytes, of file: borrowing File) throws(Errno)
    -> [UInt8]
  {
    guard file.node.domain == .tree, file.inode.record != nil,
      let value = world.records.attribute(name, of: file.inode.key)
    else { throw .noData }
    return value
  }

  private func userAttribute(_ name: PathBytes, of file: borrowing File) throws(Errno) -> [UInt8] {
    guard file.inode.kindOnDisk == file.inode.kind else { throw .noData }
    let path = PathBytes("/proc/self/fd/\(file.number)")
    var value = [UInt8](repeating: 0, count: 64 << 10)
    let count = path.withCString { path in
      name.withCString { name in
        value.withUnsafeMutableBytes { getxattr(path, name, $0.baseAddress, $0.count) }
      }
    }
    guard count >= 0 else { throw Errno.current }
    return Array(value[..<count])
  }

  fileprivate func listAttributes(_ call: Call, of file: consuming File) throws(Errno) -> Answer {
    let credentials = try state(of: call).credentials
    var names: [UInt8] = []
    if file.node.domain == .tree {
      for name in try userAttributeNames(of: file) where name.hasPrefix("user.") {
        names += name.bytes + [0]
      }
      if file.inode.record != nil {
        for attribute in world.records.attributes(of: file.inode.key)
        where !attribute.name.hasPrefix("trusted.") || credentials.has(CAP_SYS_ADMIN) {
          names += attribute.name.bytes + [0]
        }
      }
    }
    return try answer(call, names, at: call.a1, limit: call.a2)
  }

  private func userAttributeNames(of file: borrowing File) throws(Errno) -> [PathBytes] {
    guard file.inode.isDirectory || file.inode.kind == FileMode.regular else { return [] }
    var list = [UInt8](repeating: 0, count: 64 << 10)
    let count = withOwnPath(file.number) { path in
      list.withUnsafeMutableBytes { listxattr(path, $0.baseAddress, $0.count) }
    }
    guard count >= 0 else {
      if Errno.current == .notSupported { return [] }
      throw Errno.current
    }
    return list[..<count].split(separator: 0).map { PathBytes($0) }
  }

  fileprivate func removeAttribute(_ call: Call, of file: consuming File) throws(Errno) -> Answer {
    let name = try readAttributeName(at: call.a1, of: call)
    let credentials = try state(of: call).credentials
    let space = try AttributeSpace(name)
    try checkWritable(file)
    switch space {
    case .user:
      guard permits(file.inode, W_OK, credentials) else { throw .accessDenied }
      let own = try change(file, .metadata)
      let status = withOwnPath(own.number) { path in
        name.withCString { removexattr(path, $0) }
      }
      guard status == 0 else { throw Errno.current }
    case .recorded(let capability):
      guard credentials.has(capability) else { throw .notPermitted }
      try removeRecorded(name, of: file)
    case .accessList:
      guard file.inode.isOwned(by: credentials) else { throw .notPermitted }
      try removeRecorded(name, of: file)
    }
    return .done
  }

  private func removeRecorded(_ name: PathBytes, of file: consuming File) throws(Errno) {
    _ = try recordedAttribute(name, of: file)
    let own = try change(file, .metadata)
    try world.records.removeAttribute(name, of: own.inode.key)
    // Perhaps nothing is left to be recorded.
    if let record = world.records.record(of: own.inode.key) { store(record, own.inode.key) }
  }

  // MARK: - Access control lists

  func setAccessList(_ list: AccessList, of inode: Inode, _ record: FileRecord) throws(Errno) {
    try world.records.setAttribute(
      ExtendedAttribute(name: AccessList.accessName, value: list.bytes), of: inode.key,
      default: record)
  }

  private func setAccessList(
    _ value: UnsafeRawBufferPointer, isDefault: Bool, of file: consuming File,
    _ credentials: Credentials
  ) throws(Errno) {
    guard file.inode.isOwned(by: credentials) else { throw .notPermitted }
    if file.inode.isSymbolicLink { throw .notSupported }
    let list = try AccessList(value)
    let name: PathBytes = isDefault ? AccessList.defaultName : AccessList.accessName
    if isDefault && !file.inode.isDirectory {
      if list.entries.isEmpty { return }
      throw .accessDenied
    }
    let own = try change(file, .metadata)
    let key = own.inode.key
    var implied = own.inode.defaultRecord
    if !isDefault && !list.entries.isEmpty {
      let permissions = own.inode.mode & 0o7000 | list.mode
      try? world.records.removeAttribute(AccessList.accessName, of: key)
      try set(permissions: permissions, of: own)
      if list.isMode { return }
      implied.mode = own.inode.kind | permissions
    }
    if list.entries.isEmpty {
      try? world.records.removeAttribute(name, of: key)
    } else {
      try world.records.setAttribute(
        ExtendedAttribute(name: name, value: Array(value)), of: key, default: implied)
    }
  }
}
