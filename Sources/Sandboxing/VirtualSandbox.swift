// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A root file system as a plain directory, with what the disk does not say beside it.
package struct VirtualTree: Hashable, Sendable {
  package var directory: PathBytes
  /// The file of its records.
  package var records: PathBytes

  package init(directory: PathBytes, records: PathBytes) {
    self.directory = directory
    self.records = records
  }
}

/// Runs commands without namespaces or privileges, on a root whose owners are recorded.
package struct VirtualSandbox: Sendable {
  private let programPath: PathBytes
  private let scratch: PathBytes
  private let gracePeriodInMilliseconds: Int32

  package init(
    programPath: PathBytes = "/proc/self/exe", scratch: PathBytes,
    gracePeriodInMilliseconds: Int32 = 10_000
  ) {
    self.programPath = programPath
    self.scratch = scratch
    self.gracePeriodInMilliseconds = gracePeriodInMilliseconds
  }

  /// - Parameter touched: A file, which is written.
  /// - Returns: How the command ended.
  package func run(
    _ command: SandboxedCommand, in tree: VirtualTree, touched: PathBytes, standardOutput: Int32,
    standardError: Int32
  ) async throws -> ProcessEnd {
    throw SandboxError.namespacesUnavailable(reasons: [])
  }
}
