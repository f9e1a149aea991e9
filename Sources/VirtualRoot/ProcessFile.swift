// SPDX-License-Identifier: Apache-2.0

import CLinuxShims
import Glibc
import LinuxSystem

/// A path within `/proc`, taken apart. proc(5).
struct ProcessFile {
  /// The process or thread it tells of; nil for what tells of the machine.
  let process: pid_t?
  /// Behind the process, or behind its `task/TID`: `status`, `fd/3`; empty for the directory itself.
  let name: Substring

  /// - Parameter path: Without leading slash.
  init(_ path: PathBuffer) {
    self.init(String(decoding: path.bytes, as: UTF8.self).split(separator: "/")[...])
  }

  /// - Parameter path: As the machine has it, with `/proc`.
  init(hostPath path: PathBuffer) {
    self.init(String(decoding: path.bytes, as: UTF8.self).split(separator: "/").dropFirst())
  }

  private init(_ parts: ArraySlice<Substring>) {
    var rest = parts
    guard let first = rest.first, let id = pid_t(first) else {
      (process, name) = (nil, parts.joined(separator: "/")[...])
      return
    }
    rest = rest.dropFirst()
    if rest.count >= 2, rest.first == "task", let thread = pid_t(rest[rest.startIndex + 1]) {
      process = thread
      rest = rest.dropFirst(2)
    } else {
      process = id
    }
    name = rest.joined(separator: "/")[...]
  }

  var isDirectoryOfProcess: Bool { process != nil && name.isEmpty }
  var isDirectoryOfDescriptors: Bool { process != nil && name == "fd" }
}

/// The process that a thread belongs to.
func processGroup(of thread: pid_t) -> pid_t {
  // Most are the first of their process: only of these there is such a descriptor.
  let descriptor = caisson_pidfd_open(thread)
  if descriptor >= 0 {
    close(descriptor)
    return thread
  }
  guard let status = try? contents(of: PathBytes("/proc/\(thread)/status"), limit: 64 << 10),
    let found = field("Tgid:", of: status)
  else { return thread }
  return found
}

/// The first number behind `name` in the text of a `/proc/PID/status`.
func field(_ name: String, of status: [UInt8]) -> Int32? {
  for line in String(decoding: status, as: UTF8.self).split(separator: "\n")
  where line.hasPrefix(name) {
    return line.dropFirst(name.count).split { $0 == "\t" || $0 == " " }.first.flatMap { Int32($0) }
  }
  return nil
}
