// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// Everything about a program that is to be executed, and checked to be one.
final class Program: Sendable {
  let file: Int32
  let headers: ProgramHeaders
  /// Open as long as the value lives.
  let interpreter: (file: Int32, headers: ProgramHeaders)?
  /// By what name it was executed: of the script, if it is the interpreter of one. AT_EXECFN.
  let name: PathBytes
  /// What takes the place of the first argument, for the interpreter of a script.
  let prefix: [PathBytes]
  /// Who the process is afterwards, and whether that is more than it was.
  let credentials: Credentials
  let isSecure: Bool
  /// In the virtual root, for `/proc/PID/exe`.
  let executable: PathBytes
  /// Nothing lies at ``executable``.
  let isUnnamed: Bool
  /// Of the process, as `ps` shows it: 15 bytes at most.
  let command: PathBytes

  init(
    _ found: consuming ProgramSearch, _ headers: ProgramHeaders,
    _ interpreter: (file: Int32, headers: ProgramHeaders)?, executable: PathBytes,
    _ identity: (credentials: Credentials, isSecure: Bool)
  ) {
    self.headers = headers
    self.interpreter = interpreter
    self.executable = executable
    (credentials, isSecure) = identity
    isUnnamed = found.inode.domain != .tree || found.inode.raw.stx_nlink == 0
    name = found.name
    prefix = found.prefix
    let command = found.isDescriptor ? executable.name : found.name.name
    self.command = PathBytes(Array(command.bytes.prefix(15)))
    file = found.takeFile()
  }

  deinit {
    close(file)
    if let interpreter { close(interpreter.file) }
  }
}

/// The way to a program through the scripts before it.
struct ProgramSearch: ~Copyable {
  private(set) var file: Int32
  private(set) var inode: Inode
  let name: PathBytes
  /// Executed by a descriptor rather than by a path.
  let isDescriptor: Bool
  /// An interpreter could not open it by its name.
  let isInaccessible: Bool
  private(set) var prefix: [PathBytes] = []
  private var depth = 0

  /// - Parameter file: Closed with the value.
  init(
    owning file: Int32, _ inode: Inode, name: PathBytes, isDescriptor: Bool, isInaccessible: Bool
  ) {
    self.file = file
    self.inode = inode
    self.name = name
    self.isDescriptor = isDescriptor
    self.isInaccessible = isInaccessible
  }

  deinit { close(file) }

  /// Notes that the file is a script.
  ///
  /// - Throws: ELOOP for the sixth that needs another to run.
  mutating func add(_ line: ScriptLine) throws(Errno) {
    depth += 1
    if depth > 5 { throw .tooManyLinks }
    let script = prefix.isEmpty ? name : prefix.removeFirst()
    prefix = [line.interpreter] + (line.argument.map { [$0] } ?? []) + [script] + prefix
  }

  /// Goes on with the interpreter.
  mutating func move(to file: Int32, _ inode: Inode) {
    close(self.file)
    (self.file, self.inode) = (file, inode)
  }

  consuming func takeFile() -> Int32 {
    let file = file
    self.file = -1
    return file
  }
}
