// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// What the program was started with, besides its arguments. Read once, passed as a value.
struct Surroundings: Hashable, Sendable {
  var environment: [String: String] = [:]
  /// Absolute.
  var workingDirectory: PathBytes
  /// Root of the machine, not of a user namespace.
  var isRoot = false
  /// Where the program lies, when everything it needs lies beside it (`packaging/bundle`).
  var programFolder: PathBytes?
  var standardInputIsTerminal = false
  var standardOutputIsTerminal = false
  var standardErrorIsTerminal = false

  /// A variable's value; one that is set to nothing counts as absent.
  func variable(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `path` as seen from the working directory; `.` and `..` are left to the kernel, since `..`
  /// behind a symbolic link cannot be resolved by looking at names.
  func absolute(_ path: String) -> PathBytes {
    let path = PathBytes(path)
    return path.isAbsolute ? path : workingDirectory.appending(path)
  }

  /// What a pod may have as its only places to write to, in the order they are tried.
  var temporaryStorePlaces: [PathBytes] {
    [absolute(variable("TMPDIR") ?? "/tmp"), "/cache", "/workspace"]
  }

  /// Where layers and local images are kept when no option says so.
  var standardStore: PathBytes {
    if let store = variable("CAISSON_STORE") { return absolute(store) }
    if isRoot { return "/var/lib/caisson" }
    if let data = variable("XDG_DATA_HOME"), data.hasPrefix("/") {
      return PathBytes(data).appending("caisson")
    }
    return absolute(variable("HOME") ?? "/tmp").appending(".local/share/caisson")
  }
}
