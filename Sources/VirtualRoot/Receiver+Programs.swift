// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import CVirtualRoot
import Glibc
import LinuxSystem

extension Receiver {
  /// Finds what is to be executed, which may be a script. execve(2), execveat(2).
  ///
  /// - Parameter path: As the caller passed it.
  func search(
    _ call: Call, _ request: ExecRequest, _ path: PathBuffer, _ state: ProcessState
  ) throws(Errno) -> ProgramSearch {
    let isRelative = request.directory != AT_FDCWD && !path.isAbsolute
    var name = path.path
    if isRelative {
      let suffix = path.isEmpty ? [] : [UInt8(ascii: "/")] + name.bytes
      name = PathBytes(Array("/dev/fd/\(request.directory)".utf8) + suffix)
    }
    if path.isEmpty {
      guard request.allowsEmptyPath, request.directory != AT_FDCWD else {
        throw request.allowsEmptyPath ? .accessDenied : .noSuchFile
      }
      let file = try file(call, behind: request.directory)
      let inode = file.inode
      try checkExecutable(inode, state)
      return ProgramSearch(
        owning: try reopen(file.number, O_RDONLY | O_CLOEXEC), inode, name: name,
        isDescriptor: true, isInaccessible: isClosedOnExec(request.directory, of: call))
    }
    let (number, inode) = try openProgram(
      call, at: request.directory, path, follow: request.follows, state)
    return ProgramSearch(
      owning: number, inode, name: name, isDescriptor: false,
      isInaccessible: isRelative && isClosedOnExec(request.directory, of: call))
  }

  /// Opens what can be executed.
  private func openProgram(
    _ call: Call, at directory: Int32, _ path: PathBuffer, follow: Bool, _ state: ProcessState
  ) throws(Errno) -> (Int32, Inode) {
    // A FIFO would keep this thread waiting.
    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)
    let found: Int32?
    do throws(Errno) {
      found = try open(call, at: directory, path, flags: flags, state)
    } catch {
      throw error.code == ENXIO ? .accessDenied : error
    }
    if let found {
      do throws(Errno) {
        let inode = try world.inode(of: found, .tree)
        try checkExecutable(inode, state)
        return (found, inode)
      } catch {
        close(found)
        throw error
      }
    }
    let file = try file(call, at: directory, path, follow: follow, state)
    let inode = file.inode
    if inode.isSymbolicLink { throw .tooManyLinks }
    try checkExecutable(inode, state)
    return (try reopen(file.number, O_RDONLY | O_CLOEXEC), inode)
  }

  private func checkExecutable(_ inode: Inode, _ state: ProcessState) throws(Errno) {
    guard inode.kind == FileMode.regular, permits(inode, X_OK, state.credentials) else {
      throw .accessDenied
    }
  }

  /// Follows scripts to the program that reads them, and looks whether it can run.
  func program(_ call: Call, _ search: consuming ProgramSearch, _ state: ProcessState)
    throws(Errno) -> Program
  {
    var start = try readStart(of: search.file)
    while ScriptLine.isScript(start) {
      guard let line = ScriptLine(start) else { throw Errno(ENOEXEC) }
      if search.isInaccessible { throw .noSuchFile }
      try search.add(line)
      firstPath.removeAll()
      try firstPath.append(line.interpreter)
      if firstPath.isEmpty { throw .noSuchFile }
      let (file, inode) = try openProgram(call, at: AT_FDCWD, firstPath, follow: true, state)
      search.move(to: file, inode)
      start = try readStart(of: file)
    }
    guard search.textSize < Int(caisson_plan_text) else { throw Errno(E2BIG) }
    let headers: ProgramHeaders
    do throws(ProgramHeaders.Refusal) {
      headers = try self.headers(of: search.file, start)
    } catch {
      if case .foreign(let machine) = error { note(search.name, machine) }
      throw Errno(ENOEXEC)
    }
    let interpreter = try interpreter(call, of: search.file, headers, state)
    return try program(search, headers, interpreter, state)
  }

  private func program(
    _ search: consuming ProgramSearch, _ headers: ProgramHeaders,
    _ interpreter: (file: Int32, headers: ProgramHeaders)?, _ state: ProcessState
  ) throws(Errno) -> Program {
    do throws(Errno) {
      try world.readVirtualPath(of: search.file, into: hostPath)
      let inode = search.inode
      let capabilities =
        inode.hasAttributes
        ? world.records.attribute("security.capability", of: inode.key) : nil
      let identity = try state.credentials.afterExec(file: inode, fileCapabilities: capabilities)
      return Program(search, headers, interpreter, executable: hostPath.path, identity)
    } catch {
      if let interpreter { close(interpreter.file) }
      throw error
    }
  }

  /// The dynamic linker that the file names.
  private func interpreter(
    _ call: Call, of file: Int32, _ headers: ProgramHeaders, _ state: ProcessState
  ) throws(Errno) -> (file: Int32, headers: ProgramHeaders)? {
    guard let place = headers.interpreter else { return nil }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: scratch[..<place.size])
    guard pread(file, bytes.baseAddress, place.size, off_t(place.offset)) == place.size,
      bytes.last == 0
    else { throw Errno(ENOEXEC) }
    firstPath.removeAll()
    try firstPath.append(PathBytes(bytes.prefix { $0 != 0 }))
    if firstPath.isEmpty { throw .noSuchFile }
    let (number, _) = try openProgram(call, at: AT_FDCWD, firstPath, follow: true, state)
    do throws(ProgramHeaders.Refusal) {
      let start = (try? readStart(of: number)) ?? UnsafeRawBufferPointer(start: nil, count: 0)
      return (number, try self.headers(of: number, start))
    } catch {
      close(number)
      throw Errno(ELIBBAD)
    }
  }

  /// What most files need no second look for.
  ///
  /// - Returns: A part of ``scratch``.
  private func readStart(of file: Int32) throws(Errno) -> UnsafeRawBufferPointer {
    let count = pread(file, scratch.baseAddress, 4096, 0)
    guard count >= 0 else { throw Errno.current }
    return UnsafeRawBufferPointer(rebasing: scratch[..<count])
  }

  private func headers(of file: Int32, _ start: UnsafeRawBufferPointer)
    throws(ProgramHeaders.Refusal) -> ProgramHeaders
  {
    let table = try ProgramHeaders.table(start)
    let page = world.programs.pageSize
    if table.offset + UInt64(table.size) <= UInt64(start.count) {
      let offset = Int(table.offset)
      let part = UnsafeRawBufferPointer(rebasing: start[offset..<offset + table.size])
      return try ProgramHeaders(start, table: part, page: page)
    }
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: table.size, alignment: 8)
    defer { part.deallocate() }
    guard pread(file, part.baseAddress, table.size, off_t(table.offset)) == table.size else {
      throw .damaged
    }
    return try ProgramHeaders(start, table: UnsafeRawBufferPointer(part), page: page)
  }

  /// Whether a descriptor of the caller would be gone when an interpreter opens it.
  private func isClosedOnExec(_ number: Int32, of call: Call) -> Bool {
    guard
      let text = try? contents(
        of: PathBytes("/proc/\(call.thread)/fdinfo/\(number)"), limit: 64 << 10)
    else { return false }
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("flags:") {
      let digits = line.dropFirst(6).drop { $0 == "\t" || $0 == " " }
      return (Int32(digits, radix: 8) ?? 0) & O_CLOEXEC != 0
    }
    return false
  }

  private func note(_ name: PathBytes, _ machine: UInt16) {
    let kind = machine == 3 ? "32-bit x86" : "machine \(machine) (elf(5), e_machine)"
    world.note("\(name) is a program for \(kind), which the virtual sandbox cannot run")
  }
}

extension ProgramSearch {
  /// Of the strings that the loader places.
  var textSize: Int { prefix.reduce(name.bytes.count + 1) { $0 + $1.bytes.count + 1 } }
}
