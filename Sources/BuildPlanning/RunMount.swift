// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// What `RUN --mount` shows to a command and keeps out of the image.
///
/// Dockerfile reference, "RUN --mount".
package struct RunMount: Hashable, Sendable {
  package enum Content: Hashable, Sendable {
    /// Files of the origin, from `path` on; relative to its root, empty for the root itself.
    case files(FileOrigin, path: String)
    /// A directory that later builds find again.
    case cache(Cache)
    /// An empty directory.
    case temporary(sizeInBytes: Int64?)
    /// A secret of the build, as a file, as an environment variable, or both.
    case secret(id: String, isRequired: Bool, variable: String?)
    /// The socket of an SSH agent.
    case agent(id: String, isRequired: Bool)
  }

  package struct Cache: Hashable, Sendable {
    package enum Sharing: String, Hashable, Sendable, CaseIterable {
      /// Several commands write at once.
      case shared
      /// A command that finds it in use gets another one.
      case `private`
      /// A command that finds it in use waits.
      case locked
    }

    package var id: String
    package var sharing: Sharing
    /// What a new cache begins with.
    package var seed: Seed?
    /// Below the cache's own root; empty for the root.
    package var path: String

    package struct Seed: Hashable, Sendable {
      package var origin: FileOrigin
      package var path: String
    }
  }

  package var content: Content
  /// Absolute and cleaned, never `/`; nil for a secret that is only a variable.
  package var target: String?
  package var isReadOnly: Bool
  package var uid: UInt32
  package var gid: UInt32
  /// Permission bits, of what the mount itself brings: a new cache's root, a secret, a socket.
  package var mode: UInt32
  /// The flag's value.
  package var source: SourceRange
}

extension RunMount {
  var origin: FileOrigin? {
    switch content {
    case .files(let origin, _): origin
    case .cache(let cache): cache.seed?.origin
    case .temporary, .secret, .agent: nil
    }
  }
}

package enum RunNetwork: String, Hashable, Sendable {
  /// That of the builder.
  case host
  /// The loopback interface alone.
  case none
}
