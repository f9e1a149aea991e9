// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// The number a failed system call left behind.
package struct Errno: Hashable, Sendable, Error, CustomStringConvertible {
  package var code: Int32

  package init(_ code: Int32) { self.code = code }

  /// What the calling thread's last failed call left; read it in the next statement.
  package static var current: Errno { Errno(errno) }

  package static let noSuchFile = Errno(ENOENT)
  package static let exists = Errno(EEXIST)
  package static let notDirectory = Errno(ENOTDIR)
  package static let isDirectory = Errno(EISDIR)
  package static let notPermitted = Errno(EPERM)
  package static let accessDenied = Errno(EACCES)
  package static let noSpace = Errno(ENOSPC)
  package static let readOnly = Errno(EROFS)
  package static let interrupted = Errno(EINTR)
  package static let notSupported = Errno(ENOTSUP)
  package static let noData = Errno(ENODATA)
  package static let crossDevice = Errno(EXDEV)
  package static let tooManyLinks = Errno(ELOOP)
  package static let invalidArgument = Errno(EINVAL)
  package static let notEmpty = Errno(ENOTEMPTY)
  package static let wouldBlock = Errno(EWOULDBLOCK)

  package var description: String {
    var text = [CChar](repeating: 0, count: 256)
    guard let found = strerror_r(code, &text, text.count) else { return "error \(code)" }
    return String(cString: found)
  }
}

/// A system call that failed, and on what.
package struct SystemError: Error, Hashable, Sendable {
  package var call: String
  package var path: PathBytes?
  package var errno: Errno

  package init(_ call: String, _ path: PathBytes? = nil, _ errno: Errno) {
    self.call = call
    self.path = path
    self.errno = errno
  }
}

/// Repeats a call while a signal interrupts it, and turns -1 into an error.
@discardableResult
package func retrying<Result: SignedInteger>(
  _ call: String, _ path: PathBytes? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let errno = Errno.current
    if errno != .interrupted { throw SystemError(call, path, errno) }
  }
}
