// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// Mounts an overlay of open directories.
///
/// Directories are named by descriptor numbers, relative to `/proc/self/fd`: the option string stays
/// short however many there are and however long their paths (the limit is a page), and no byte of a
/// path can be taken for a separator.
struct OverlayMount {
  let usesUserAttributes: Bool

  /// - Parameters:
  ///   - lower: The topmost first, at least two when there is no upper directory.
  ///   - upper: Absent for a read-only overlay.
  ///   - name: What messages call it.
  func mount(
    lower: [Int32], upper: Int32? = nil, work: Int32? = nil,
    on target: borrowing FileDescriptor, name: PathBytes
  ) throws(SandboxError) {
    var directories = "lowerdir=" + lower.map { String($0) }.joined(separator: ":")
    if let upper, let work { directories += ",upperdir=\(upper),workdir=\(work)" }
    try kernel("chdir", "/proc/self/fd") { chdir("/proc/self/fd") }
    let target = target.procPath
    var errno: Int32 = 0
    for options in Self.options(usesUserAttributes: usesUserAttributes, isWritable: upper != nil) {
      let status = target.withCString { target in
        ([directories] + options).joined(separator: ",").withCString {
          Glibc.mount("overlay", target, "overlay", UInt(MS_NODEV), $0)
        }
      }
      if status == 0 { return }
      errno = Errno.current.code
      // Only an unknown option is worth another try with fewer.
      guard errno == EINVAL else { break }
    }
    throw SandboxError.overlayRefused(upper: name.description, errno: errno)
  }

  /// The sets of options to try, the best first.
  ///
  /// `volatile` leaves out the flushing at every `fsync` and at the end: after a crash the upper
  /// directory is thrown away anyway. Redirects are neither made nor followed, so that an upper
  /// directory explains itself.
  static func options(usesUserAttributes: Bool, isWritable: Bool) -> [[String]] {
    let required = usesUserAttributes ? ["userxattr"] : []
    let plain = required + ["index=off", "metacopy=off", "redirect_dir=nofollow", "xino=off"]
    return (isWritable ? [plain + ["volatile"]] : []) + [plain, required]
  }
}
