// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// Why an image could not be read or written.
package enum ImageError: Error, Hashable, Sendable {
  case manifestNotFound(location: String, selector: String)
}

extension ImageError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .manifestNotFound(let location, let selector):
      Diagnostic("there is no image \"\(selector)\" in \(location)")
    }
  }
}
