// SPDX-License-Identifier: Apache-2.0

import CVirtualRoot
import Glibc
import LinuxSystem
import RecordedFiles

extension Receiver {
  /// Readies a file for a change, and notes the change: a file that is older than the step and has
  /// several names gets an inode of its own under this one, as after a copy-up of overlayfs.
  ///
  /// - Parameter keepsContent: False when the file is about to be truncated.
  /// - Returns: The file to change.
  func change(_ file: consuming File, _ touch: FileTouch, keepsContent: Bool = true) throws(Errno)
    -> File
  {
    guard file.node.domain == .tree, !world.isYoung(file.inode) else { return file }
    try world.readHostPath(of: file.number, into: hostPath)
    guard world.isInTree(hostPath) else { return file }
    world.note(hostPath, touch)
    guard file.inode.raw.stx_nlink > 1, !file.inode.isDirectory else { return file }
    let path = hostPath.path
    let directory = path.parent.withCString {
      Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC)
    }
    guard directory >= 0 else { throw Errno.current }
    defer { close(directory) }
    return try part(path.name, in: directory, keepsContent: keepsContent)
  }

  /// Parts a name from the other names of its inode when it is about to be renamed or linked.
  func partIfShared(_ name: UnsafePointer<CChar>, in directory: borrowing File, _ inode: Inode)
    throws(Errno)
  {
    guard inode.domain == .tree, inode.raw.stx_nlink > 1, !inode.isDirectory,
      !world.isYoung(inode)
    else { return }
    _ = try part(
      PathBytes(
        UnsafeBufferPointer(start: name, count: strlen(name)).map { UInt8(bitPattern: $0) }),
      in: directory.number, keepsContent: true)
  }

  private func part(_ name: PathBytes, in directory: Int32, keepsContent: Bool) throws(Errno)
    -> File
  {
    do throws(SystemError) {
      try world.records.part(
        name, in: directory, through: world.scratchNumber, keepsContent: keepsContent)
    } catch {
      throw error.errno
    }
    let number = name.withCString { openat(directory, $0, O_PATH | O_NOFOLLOW | O_CLOEXEC) }
    guard number >= 0 else { throw Errno.current }
    return try file(Node(owning: number, domain: .tree))
  }

  /// Notes that a name came or went, and that its directory is another for it.
  func noteName(_ name: UnsafePointer<CChar>, in directory: borrowing File) {
    guard directory.node.domain == .tree,
      (try? world.readHostPath(of: directory.number, into: hostPath)) != nil
    else { return }
    world.note(hostPath, .metadata)
    guard (try? hostPath.append(byte: slash)) != nil,
      (try? hostPath.append(name, count: strlen(name))) != nil
    else { return }
    world.note(hostPath, .name)
  }

  /// What a new file is: its maker's, or of its directory's group where that hands it down.
  ///
  /// - Parameter mode: Kind and permissions; the umask is taken off here.
  func newFile(_ mode: UInt32, in directory: Inode, _ state: ProcessState) -> NewFile {
    let credentials = state.credentials
    var new = NewFile(
      FileRecord(
        uid: credentials.fileSystemUID, gid: credentials.fileSystemGID, mode: mode & ~state.umask))
    if mode & FileMode.mask == FileMode.symbolicLink {
      new.record.mode = mode
    } else if directory.hasAttributes, let list = world.accessList(of: directory, isDefault: true) {
      new.inherit(list, mode)
    }
    guard directory.mode & FileMode.setGroupID != 0 else { return new }
    new.record.gid = directory.gid
    if mode & FileMode.mask == FileMode.directory {
      new.record.mode |= FileMode.setGroupID
    } else if mode & 0o2010 == 0o2010, !credentials.isMember(of: new.record.gid),
      !credentials.has(CAP_FSETID)
    {
      new.record.mode &= ~FileMode.setGroupID
    }
    return new
  }

  /// Records what a file that was just made is, as far as the disk does not say so.
  ///
  /// - Parameters:
  ///   - number: Of the file, or of its directory when there is a `name`.
  func settle(_ new: NewFile, _ number: Int32, _ name: UnsafePointer<CChar>? = nil) throws(Errno) {
    if new.record.isImplied && new.lists.isEmpty && world.hasBirths { return }
    var raw = statx()
    let status =
      if let name {
        statx(number, name, AT_SYMLINK_NOFOLLOW, statusMask, &raw)
      } else {
        statx(number, "", AT_EMPTY_PATH, statusMask, &raw)
      }
    guard status == 0 else { throw Errno.current }
    let key = Inode(raw: raw, record: nil, domain: .tree).key
    store(new.record, key)
    for list in new.lists {
      try world.records.setAttribute(list, of: key, default: new.record)
    }
  }

  /// Keeps a record, or forgets it where the disk says as much.
  func store(_ record: FileRecord, _ key: FileKey) {
    if record.isImplied {
      world.records.remove(key)
    } else {
      world.records.set(record, for: key)
    }
  }

  // MARK: - May it?

  /// Whether names may come and go in a directory.
  func checkChange(in directory: borrowing File, _ state: ProcessState) throws(Errno) {
    try checkWritable(directory)
    guard directory.inode.isDirectory else { throw .notDirectory }
    if state.credentials.ignoresPermissions { return }
    guard permits(directory.inode, W_OK | X_OK, state.credentials) else { throw .accessDenied }
  }

  /// Whether what a name leads to may be taken away from it.
  func checkRemoval(of inode: Inode, from directory: Inode, _ state: ProcessState) throws(Errno) {
    if world.mounts.mount(onStub: inode.number) != nil && inode.looksLikeMountPoint {
      throw Errno(EBUSY)
    }
    let credentials = state.credentials
    guard directory.mode & FileMode.sticky != 0, !credentials.has(CAP_FOWNER),
      inode.uid != credentials.fileSystemUID, directory.uid != credentials.fileSystemUID
    else { return }
    throw .notPermitted
  }

  /// Whether the place a file is in is one where things change.
  func checkWritable(_ file: borrowing File) throws(Errno) {
    switch file.node.domain {
    case .tree: if try world.isProtected(file.number, hostPath) { throw .readOnly }
    case .process: throw .notPermitted
    case .system:
      if world.isReadOnly(file.inode) { throw .readOnly }
      throw .notPermitted
    }
  }

  func permits(_ inode: Inode, _ mask: Int32, _ credentials: Credentials) -> Bool {
    world.permits(inode, mask, credentials)
  }
}

/// A file that is about to be made.
struct NewFile {
  var record: FileRecord
  /// Access control lists that its directory hands down.
  var lists: [ExtendedAttribute] = []

  init(_ record: FileRecord) { self.record = record }

  var permissionsOnDisk: UInt32 { record.permissionsOnDisk }

  /// acl(5), "Object creation and default ACLs": in place of the umask.
  mutating func inherit(_ list: AccessList, _ mode: UInt32) {
    var own = list
    own.setMode(list.mode & mode)
    record.mode = mode & ~0o777 | own.mode
    if !own.isMode {
      lists.append(ExtendedAttribute(name: AccessList.accessName, value: own.bytes))
    }
    if mode & FileMode.mask == FileMode.directory {
      lists.append(ExtendedAttribute(name: AccessList.defaultName, value: list.bytes))
    }
  }
}
