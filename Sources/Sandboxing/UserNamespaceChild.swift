// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// The process that makes a user namespace and becomes the program again within it.
enum UserNamespaceChild {
  /// - Parameter arguments: The number of the line to the parent, then the arguments of the program,
  ///   its name first.
  /// - Returns: The exit code when it could not be started; the parent has been told why.
  static func run(_ arguments: [String]) -> Int32 {
    guard let line = arguments.first.flatMap({ Int32($0) }),
      caisson_fcntl_int(line, F_SETFD, FD_CLOEXEC) == 0
    else { return 2 }
    var errno = unshare(CLONE_NEWUSER) == 0 ? 0 : Errno.current.code
    let told = send(line, &errno, MemoryLayout<Int32>.size, Int32(MSG_NOSIGNAL))
    guard errno == 0, told == MemoryLayout<Int32>.size else { return 3 }
    // The parent maps our IDs meanwhile. An end of file says that it could not, or died.
    var word: UInt8 = 0
    guard recv(line, &word, 1, 0) == 1 else { return 3 }
    guard setresgid(0, 0, 0) == 0, setresuid(0, 0, 0) == 0 else { return 3 }
    // After the change of user, which would clear it; the wait above proves the parent's life
    // until then, this its life since.
    caisson_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0, 0, 0)
    if recv(line, &word, 1, Int32(MSG_DONTWAIT)) == 0 { return 3 }
    withCStrings(Array(arguments.dropFirst())) { _ = execv("/proc/self/exe", $0) }
    return 126
  }
}
