// SPDX-License-Identifier: Apache-2.0

import Glibc
import LinuxSystem

/// A file that appears complete or not at all: written beside its place, renamed when finished.
///
/// What is there and is no regular file (a pipe, `/dev/stdout`) is written in place instead: it
/// must not be replaced. One that is dropped uncommitted leaves nothing behind.
final class OutputFile {
  private let path: PathBytes
  /// Nil when written in place, and once the file has its name.
  private var temporary: PathBytes?
  let file: FileDescriptor

  init(_ path: PathBytes) throws(SystemError) {
    self.path = path
    if let status = try? FileStatus(of: path), status.kind != .regular {
      temporary = nil
      file = try FileDescriptor.open(path, flags: O_WRONLY | O_TRUNC | O_NOCTTY)
    } else {
      let temporary = temporaryName(beside: path)
      self.temporary = temporary
      file = try FileDescriptor.open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
    }
  }

  deinit { if let temporary { try? removeFile(temporary) } }

  func commit() throws(SystemError) {
    guard let temporary else { return }
    try file.synchronize()
    try rename(temporary, to: path)
    self.temporary = nil
  }
}

/// A name nobody has, in the directory of `path`.
func temporaryName(beside path: PathBytes) -> PathBytes {
  path.parent.isEmpty && path.isAbsolute
    ? PathBytes("/" + temporaryName()) : path.parent.appending(temporaryName())
}

private func temporaryName() -> String {
  ".caisson-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
}

/// Writes a whole file by temporary file, fsync and rename.
func replaceFile(_ path: PathBytes, with bytes: [UInt8]) throws(SystemError) {
  let output = try OutputFile(path)
  try output.file.writeAll(bytes)
  try output.commit()
}
