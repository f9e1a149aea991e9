// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem
import RecordedFiles

@testable import Layers

/// What a command does to files; the same on an overlay, by Python, and on a ``RecordedTree``.
enum FileOperation: Sendable {
  case write(String, String)
  case append(String, String)
  /// The old content with the old times.
  case rewrite(String)
  case remove(String)
  case removeTree(String)
  case makeDirectory(String)
  /// `rename`; where an overlay has a directory copied instead, that is what happens there.
  case move(String, String)
  case link(String, String)
  case symbolicLink(String, to: String)
  case chmod(String, Int)
  case chown(String, UInt32, UInt32)
  case touch(String, Double)
  case setAttribute(String, String, String)
  case removeAttribute(String, String)
  case fifo(String)
  case device(String, isBlock: Bool, UInt32, UInt32)
  case socket(String)

  /// A call of what ``pythonPrelude`` defines.
  var python: String {
    switch self {
    case .write(let path, let text): "t(w, '\(path)', \(quoted(text)), os.O_TRUNC)"
    case .append(let path, let text): "t(w, '\(path)', \(quoted(text)), os.O_APPEND)"
    case .rewrite(let path): "t(rewrite, '\(path)')"
    case .remove(let path): "t(rm, '\(path)')"
    case .removeTree(let path): "t(rmtree, '\(path)')"
    case .makeDirectory(let path): "t(os.mkdir, '\(path)', 0o755)"
    case .move(let old, let new): "t(mv, '\(old)', '\(new)')"
    case .link(let old, let new): "t(ln, '\(old)', '\(new)')"
    case .symbolicLink(let path, let target): "t(os.symlink, '\(target)', '\(path)')"
    case .chmod(let path, let mode): "t(chmod, '\(path)', \(mode))"
    case .chown(let path, let uid, let gid): "t(os.lchown, '\(path)', \(uid), \(gid))"
    case .touch(let path, let time):
      "t(os.utime, '\(path)', ns=(\(nanoseconds(time)),) * 2, follow_symlinks=False)"
    case .setAttribute(let path, let name, let value):
      "t(os.setxattr, '\(path)', '\(name)', b'\(value)', follow_symlinks=False)"
    case .removeAttribute(let path, let name):
      "t(os.removexattr, '\(path)', '\(name)', follow_symlinks=False)"
    case .fifo(let path): "t(os.mkfifo, '\(path)', 0o644)"
    case .device(let path, let isBlock, let major, let minor):
      "t(os.mknod, '\(path)', \(isBlock ? "0o060644" : "0o020644"), os.makedev(\(major), \(minor)))"
    case .socket(let path): "t(lambda p: socket.socket(1).bind(p), '\(path)')"
    }
  }

  private func quoted(_ text: String) -> String {
    "'" + text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
      + "'"
  }

  private func nanoseconds(_ time: Double) -> Int {
    let whole = time.rounded(.down)
    return Int(whole) * 1_000_000_000 + Int((time - whole) * 1e9)
  }

  static let pythonPrelude = """
    import errno, os, socket, stat, subprocess
    os.umask(0o22)
    def t(f, *a, **k):
        try: f(*a, **k)
        except OSError: pass
    def w(p, text, flag):
        f = os.open(p, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | flag, 0o644)
        os.write(f, text.encode()); os.close(f)
    def rewrite(p):
        s = os.lstat(p)
        if not stat.S_ISREG(s.st_mode): return
        c = open(p, 'rb').read(); open(p, 'wb').write(c); os.utime(p, ns=(s.st_atime_ns, s.st_mtime_ns))
    def rm(p):
        if stat.S_ISDIR(os.lstat(p).st_mode): os.rmdir(p)
        else: os.unlink(p)
    def rmtree(p):
        os.lstat(p); subprocess.run(['rm', '-r', '--', p])
    def ln(a, b): os.link(a, b, follow_symlinks=False)
    def chmod(p, m):
        if not os.path.islink(p): os.chmod(p, m)
    def mv(a, b):
        try: os.rename(a, b)
        except OSError as e:
            if e.errno != errno.EXDEV: raise
            if os.path.lexists(b): os.rmdir(b)
            subprocess.run(['cp', '-aT', a, b], check=True); subprocess.run(['rm', '-r', a], check=True)

    """
}

/// A recorded tree that is changed as the supervisor of a virtual sandbox changes it: what is touched
/// is noted, and what is older than the command parted from its other names first.
struct RecordedTree {
  let root: PathBytes
  let records: FileRecords
  var touched = TouchedPaths()
  private var young: Set<FileKey> = []

  init(root: PathBytes, records: FileRecords) {
    self.root = root
    self.records = records
  }

  /// What follows is another command.
  mutating func beginCommand() {
    touched = TouchedPaths()
    young = []
  }

  /// What the system refuses is left undone.
  mutating func perform(_ operations: [FileOperation]) {
    for operation in operations { try? perform(operation) }
  }

  private mutating func perform(_ operation: FileOperation) throws {
    switch operation {
    case .write(let path, let text): try write(path, text, O_TRUNC)
    case .append(let path, let text): try write(path, text, O_APPEND)
    case .rewrite(let path): try rewrite(path)
    case .remove(let path): try remove(try canonical(path))
    case .removeTree(let path): try removeAll(try canonical(path))
    case .makeDirectory(let path):
      try make(path) { place in place.withCString { mkdir($0, 0o755) } }
    case .move(let old, let new): try move(old, new)
    case .link(let old, let new):
      let source = try canonical(old)
      try part(source)
      guard try records.status(of: place(source)).status.kind != .directory else { return }
      let target = try canonical(new)
      let from = place(source)
      try retrying("link") {
        from.withCString { from in
          place(target).withCString { linkat(AT_FDCWD, from, AT_FDCWD, $0, 0) }
        }
      }
      // On an overlay both names are of the upper directory now.
      young.insert(try FileKey(of: from, at: AT_FDCWD))
      touched.add(source, .metadata)
      touched.add(target, .name)
    case .symbolicLink(let path, let target):
      try make(path) { place in place.withCString { symlink(target, $0) } }
    case .chmod(let path, let mode):
      try change(path, skipsLinks: true) { $0.mode = $0.mode & ~0o7777 | UInt32(mode) }
    case .chown(let path, let uid, let gid):
      try change(path) {
        ($0.uid, $0.gid) = (uid, gid)
        guard $0.kind != .directory else { return }
        $0.mode &= ~(0o4000 | ($0.mode & 0o010 != 0 ? 0o2000 : 0))
      }
    case .touch(let path, let time): try setTime(of: path, time)
    case .setAttribute(let path, let name, let value): try setAttribute(path, name, value)
    case .removeAttribute(let path, let name): try setAttribute(path, name, nil)
    case .fifo(let path): try make(path) { place in place.withCString { mkfifo($0, 0o644) } }
    case .device(let path, let isBlock, let major, let minor):
      try make(path) { place in
        place.withCString { mknod($0, (isBlock ? S_IFREG : S_IFCHR) | 0o644, 0) }
      }
      let kind: FileStatus.Kind = isBlock ? .blockDevice : .characterDevice
      records.set(
        FileRecord(mode: kind.modeBits | 0o644, deviceMajor: major, deviceMinor: minor),
        for: try FileKey(of: place(try canonical(path)), at: AT_FDCWD))
    case .socket(let path):
      try make(path) { place in place.withCString { mknod($0, S_IFSOCK | 0o755, 0) } }
    }
  }

  // MARK: - Paths

  private func place(_ path: PathBytes) -> PathBytes { root.appending(path) }

  /// Without links on the way, relative to the root.
  private func canonical(_ path: String) throws -> PathBytes {
    let path = PathBytes(path)
    guard let real = place(path.parent).withCString({ realpath($0, nil) }) else {
      throw SystemError("realpath", path, Errno.current)
    }
    defer { free(real) }
    let parent = PathBytes(String(cString: real)).bytes.dropFirst(root.bytes.count)
    return PathBytes(Array(parent)).normalizedInRoot.appending(path.name)
  }

  private mutating func make(_ path: String, _ call: (PathBytes) -> Int32) throws {
    let path = try canonical(path)
    let place = self.place(path)
    try retrying("make", path) { call(place) }
    young.insert(try FileKey(of: place, at: AT_FDCWD))
    touched.add(path, .name)
  }

  // MARK: - Changing

  /// Gives a file that is older than the command, and has other names, an inode of its own.
  private mutating func part(_ path: PathBytes) throws {
    let place = self.place(path)
    let found = try FileStatus.withBirth(of: place)
    guard found.status.kind != .directory, found.status.linkCount > 1,
      !young.contains(FileKey(found))
    else { return }
    let parent = try FileDescriptor.open(place.parent, flags: O_PATH | O_DIRECTORY)
    let scratch = try FileDescriptor.open(root.parent, flags: O_PATH | O_DIRECTORY)
    let key = try records.part(place.name, in: parent.number, through: scratch.number)
    young.insert(key)
  }

  private mutating func write(_ path: String, _ text: String, _ flag: Int32) throws {
    let path = try canonical(path)
    let isNew = !exists(place(path))
    if !isNew { try part(path) }
    do {
      let file = try FileDescriptor.open(
        place(path), flags: O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flag, mode: 0o644)
      guard try records.status(of: file.number).status.kind == .regular else { return }
      try file.writeAll(Array(text.utf8))
    }
    if isNew { young.insert(try FileKey(of: place(path), at: AT_FDCWD)) }
    touched.add(path, isNew ? [.name, .content] : .content)
  }

  private mutating func rewrite(_ path: String) throws {
    let path = try canonical(path)
    let status = try records.status(of: place(path)).status
    guard status.kind == .regular else { return }
    try part(path)
    let content = try contents(of: place(path))
    let file = try FileDescriptor.open(place(path), flags: O_WRONLY | O_TRUNC)
    try file.writeAll(content)
    let time = timespec(
      tv_sec: Int(status.modified.seconds), tv_nsec: Int(status.modified.nanoseconds))
    try retrying("utimens") { futimens(file.number, [time, time]) }
    touched.add(path, [.content, .metadata])
  }

  private func remove(_ path: PathBytes) throws {
    let isDirectory = try FileStatus(of: place(path)).kind == .directory
    try retrying("unlink") {
      place(path).withCString { unlinkat(AT_FDCWD, $0, isDirectory ? AT_REMOVEDIR : 0) }
    }
    touched.add(path, .name)
  }

  private func removeAll(_ path: PathBytes) throws {
    if try FileStatus(of: place(path)).kind == .directory {
      for name in try names(inDirectory: place(path)) { try removeAll(path.appending(name)) }
    }
    try remove(path)
  }

  private mutating func move(_ old: String, _ new: String) throws {
    let (old, new) = (try canonical(old), try canonical(new))
    if old == new { return }
    // Before they are compared: on an overlay two names of an old file are two files.
    try part(old)
    try rename(place(old), to: place(new))
    touched.add(old, .name)
    touched.add(new, .name)
  }

  private mutating func change(
    _ path: String, skipsLinks: Bool = false, _ change: (inout FileRecord) -> Void
  ) throws {
    let path = try canonical(path)
    let kind = try records.status(of: place(path)).status.kind
    if skipsLinks, kind == .symbolicLink { return }
    try part(path)
    let found = try FileStatus.withBirth(of: place(path))
    var record = FileRecord(implicitFor: found.status)
    records.update(FileKey(found), default: record) {
      change(&$0)
      record = $0
    }
    if kind != .symbolicLink {
      try retrying("chmod") {
        place(path).withCString { Glibc.chmod($0, mode_t(record.permissionsOnDisk)) }
      }
    }
    touched.add(path, .metadata)
  }

  private mutating func setTime(of path: String, _ time: Double) throws {
    let path = try canonical(path)
    try part(path)
    let whole = time.rounded(.down)
    let stamp = timespec(tv_sec: Int(whole), tv_nsec: Int((time - whole) * 1e9))
    try retrying("utimens") {
      place(path).withCString { utimensat(AT_FDCWD, $0, [stamp, stamp], AT_SYMLINK_NOFOLLOW) }
    }
    touched.add(path, .metadata)
  }

  private mutating func setAttribute(_ path: String, _ name: String, _ value: String?) throws {
    let path = try canonical(path)
    let kind = try records.status(of: place(path)).status.kind
    let isOwn = name.hasPrefix("user.")
    if isOwn, kind != .regular, kind != .directory { return }
    if value == nil {
      let seen = try records.status(of: place(path))
      let known = try records.attributes(ofFileAt: place(path), seen)
      guard known.contains(where: { $0.name == PathBytes(name) }) else { return }
    }
    try part(path)
    let seen = try records.status(of: place(path))
    switch (isOwn, value) {
    case (true, let value?):
      try setExtendedAttribute(
        ExtendedAttribute(name: PathBytes(name), value: Array(value.utf8)), on: place(path))
    case (true, nil): try removeExtendedAttribute(PathBytes(name), of: place(path))
    case (false, let value?):
      try records.setAttribute(
        ExtendedAttribute(name: PathBytes(name), value: Array(value.utf8)), of: seen.key,
        default: FileRecord(implicitFor: seen.status))
    case (false, nil): try records.removeAttribute(PathBytes(name), of: seen.key)
    }
    touched.add(path, .metadata)
  }
}
