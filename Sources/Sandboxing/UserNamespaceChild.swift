// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// The process that makes a user namespace and becomes the program again within it.
enum UserNamespaceChild {
  static let lineNumber: Int32 = 3

  /// - Parameter arguments: Of the program, its name first.
  /// - Returns: The exit code when it could not be started; the parent has been told why.
  static func run(_ arguments: [String]) -> Int32 {
    caisson_fcntl_int(lineNumber, F_SETFD, FD_CLOEXEC)
    var errno = unshare(CLONE_NEWUSER) == 0 ? 0 : Errno.current.code
    let told = send(lineNumber, &errno, MemoryLayout<Int32>.size, Int32(MSG_NOSIGNAL))
    guard errno == 0, told == MemoryLayout<Int32>.size else { return 3 }
    // The parent maps our IDs meanwhile. An end of file says that it could not, or died.
    var word: UInt8 = 0
    guard recv(lineNumber, &word, 1, 0) == 1 else { return 3 }
    guard setresgid(0, 0, 0) == 0, setresuid(0, 0, 0) == 0 else { return 3 }
    // After the change of user, which would clear it; the wait above proves the parent's life
    // until then, this its life since.
    caisson_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0)
    if recv(lineNumber, &word, 1, Int32(MSG_DONTWAIT)) == 0 { return 3 }
    withCStrings(arguments) { _ = execv("/proc/self/exe", $0) }
    return 126
  }
}
