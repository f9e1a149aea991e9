// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// All that the processes of a virtual sandbox are told, as JSON in a memory file.
struct VirtualDescription: Codable, Sendable {
  var tree: PathBytes
  var records: PathBytes
  /// A file that gets the paths which the command touched.
  var touched: PathBytes
  /// An empty directory on the file system of the tree, for this sandbox alone; removed afterwards.
  var scratch: PathBytes
  var command: SandboxedCommand
  var resolverFiles: ResolverFiles
  var gracePeriodInMilliseconds: Int32
}
