// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// A root file system as a plain directory, and what the disk cannot say of its files beside it.
package struct VirtualTree: Hashable, Sendable {
  package var directory: PathBytes
  package var records: PathBytes

  package init(directory: PathBytes, records: PathBytes) {
    self.directory = directory
    self.records = records
  }
}

/// Runs commands without any right of its own.
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

  package func run(
    _ command: SandboxedCommand, in tree: VirtualTree, touched: PathBytes, standardOutput: Int32,
    standardError: Int32
  ) async throws -> ProcessEnd {
    throw SandboxError.namespacesUnavailable(reasons: ["the virtual sandbox is not built in"])
  }
}
