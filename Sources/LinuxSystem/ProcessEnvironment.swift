// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc

/// The environment the process was started with.
///
/// Where a name occurs twice the first counts, as for `getenv`.
package func processEnvironment() -> [String: String] {
  var result: [String: String] = [:]
  guard var entry = caisson_environ() else { return result }
  while let text = entry.pointee {
    let parts = String(cString: text).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, result[String(parts[0])] == nil {
      result[String(parts[0])] = String(parts[1])
    }
    entry += 1
  }
  return result
}

package func currentDirectory() throws(SystemError) -> PathBytes {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  guard getcwd(&buffer, buffer.count) != nil else { throw SystemError("getcwd", nil, .current) }
  return PathBytes(buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)))
}

/// Columns and rows of the terminal behind a descriptor, or nil when there is none or it is silent.
package func terminalSize(of descriptor: Int32) -> (columns: Int, rows: Int)? {
  var size = winsize()
  let status = withUnsafeMutablePointer(to: &size) {
    caisson_ioctl_pointer(descriptor, UInt(TIOCGWINSZ), $0)
  }
  guard status == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
  return (Int(size.ws_col), Int(size.ws_row))
}
