// SPDX-License-Identifier: Apache-2.0

import LinuxSystem

/// All that the sandbox's own processes are told, as JSON in a memory file.
struct SandboxDescription: Codable, Sendable {
  var lower: [PathBytes]
  var upper: PathBytes
  var work: PathBytes
  /// A directory with the mount points every root needs, shared by all sandboxes and never written.
  var skeleton: PathBytes
  /// An empty directory to mount on; absolute.
  var mountPoint: PathBytes
  /// Overlay attributes are kept in `user.*`: the sandbox lies in a user namespace.
  var usesUserAttributes: Bool
  /// Absent for a rehearsal: everything is set up, and nothing started.
  var command: SandboxedCommand?
  var resolverFiles: ResolverFiles
  var gracePeriodInMilliseconds: Int32

  /// For want of a command that says how the sandbox is called.
  static let ownHostname = "localhost"
}

/// The last word of a sandbox to the process that asked for it.
enum SandboxReport: Codable, Hashable, Sendable {
  case ended(ProcessEnd)
  case failed(SandboxError)
}

extension PathBytes: Codable {
  package init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode([UInt8].self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(bytes)
  }
}
