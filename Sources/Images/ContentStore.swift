// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

// Contract; the bodies are written next.

/// A directory of blobs by digest, which is also the local store: an OCI image layout.
package final class ContentStore: Sendable {
  /// Absolute.
  package let directory: PathBytes

  package init(directory: PathBytes) throws { self.directory = directory }

  package func contains(_ digest: Digest) -> Bool { false }
  package func path(of digest: Digest) -> PathBytes { directory }
}

package final class BlobWriter: Sendable {}

package enum ImageError: Error {
  case manifestNotFound(location: String, selector: String)
}
