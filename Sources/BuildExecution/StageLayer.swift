// SPDX-License-Identifier: Apache-2.0

import Images
import Layers
import LinuxSystem
import OCI

/// A layer of a stage: a blob, or the change set of a command as the sandbox left it.
package enum StageLayer: Sendable {
  /// Of a base image or of COPY: in the content store, or to be had from where it came.
  case blob(LayerReference, isOfBase: Bool)
  /// Of RUN: a directory with the content, and its entries. It becomes a blob only when the
  /// stage ends up in the image.
  case changes(ChangeSet)
}

/// What a command changed.
package struct ChangeSet: Sendable {
  package var directory: PathBytes
  package var entries: [LayerEntry]
}
