// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

extension FileDescriptor {
  /// A path that the kernel follows to exactly this open file, whatever its name has become.
  var procPath: PathBytes { PathBytes("/proc/self/fd/\(number)") }
}

/// What is mounted: a file system of the kernel's own, or one on a device.
struct FileSystemMount {
  var type: String
  var flags: Int
  var options: String = ""

  /// - Parameter name: What `target` is called in messages.
  func mount(on target: borrowing FileDescriptor, name: PathBytes) throws(SandboxError) {
    let target = target.procPath
    let flags = UInt(flags)
    try kernel("mount \(type) on", name) {
      target.withCString { target in
        options.withCString { Glibc.mount(type, target, type, flags, $0) }
      }
    }
  }
}

/// Shows an open file or directory at another place too.
///
/// - Parameter recursively: With the mounts below it, which a user namespace insists on.
func bind(
  _ source: borrowing FileDescriptor, on target: borrowing FileDescriptor, name: PathBytes,
  recursively: Bool = false
) throws(SandboxError) {
  let source = source.procPath
  let target = target.procPath
  let flags = UInt(MS_BIND) | (recursively ? UInt(MS_REC) : 0)
  try kernel("bind", name) {
    source.withCString { source in target.withCString { Glibc.mount(source, $0, nil, flags, nil) } }
  }
}

/// Opens a place to mount on or to show elsewhere; nothing is read.
func openPlace(_ path: PathBytes) throws(SandboxError) -> FileDescriptor {
  try translating { () throws(SystemError) in try FileDescriptor.open(path, flags: O_PATH) }
}

/// Opens `name` in `directory`, a symbolic link refused.
func openPlace(_ name: PathBytes, in directory: borrowing FileDescriptor) throws(SandboxError)
  -> FileDescriptor
{
  let number = directory.number
  return try translating { () throws(SystemError) in
    try FileDescriptor.open(name, at: number, flags: O_PATH | O_NOFOLLOW)
  }
}

func makeDirectory(_ name: PathBytes, in directory: borrowing FileDescriptor)
  throws(SandboxError)
{
  let number = directory.number
  try kernel("mkdir", name) { name.withCString { mkdirat(number, $0, 0o755) } }
}

/// Makes a file that everybody may read; its modes do not depend on the umask.
func makeFile(
  _ name: PathBytes, in directory: borrowing FileDescriptor, content: [UInt8] = [],
  mode: mode_t = 0o644
) throws(SandboxError) {
  let number = directory.number
  try translating { () throws(SystemError) in
    let file = try FileDescriptor.open(
      name, at: number, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.writeAll(content)
    let written = file.number
    try retrying("chmod", name) { fchmod(written, mode) }
  }
}

/// Forbids to write to a mount and to those below it.
func makeReadOnly(mounted: borrowing FileDescriptor, name: PathBytes) throws(SandboxError) {
  let number = mounted.number
  if caisson_make_read_only(number) == 0 { return }
  let errno = Errno.current
  guard errno.code == ENOSYS else {
    throw SandboxError.refused(
      operation: "make read-only", path: name.description, errno: errno.code)
  }
  // Linux before 5.12; good for one mount, without those below it.
  let flags = Int(MS_REMOUNT) | Int(MS_BIND) | Int(MS_RDONLY)
  let kept = Int(MS_NOSUID) | Int(MS_NODEV) | Int(MS_NOEXEC)
  let target = mounted.procPath
  try kernel("make read-only", name) {
    target.withCString { Glibc.mount(nil, $0, nil, UInt(flags | kept), nil) }
  }
}
