// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem

/// Why a file of records, or of touched paths, cannot be used.
package enum FileRecordsError: Error, Hashable, Sendable {
  /// The file is foreign, of another version, or cut off; `reason` is what gave it away.
  case damaged(PathBytes, reason: String)
  case refused(SystemError)
}

extension FileRecordsError: DiagnosticConvertible {
  package var diagnostic: Diagnostic {
    switch self {
    case .damaged(let path, let reason):
      Diagnostic(
        "the file \"\(path)\" beside a virtual root is damaged: \(reason)", exit: .surroundings)
    case .refused(let error):
      Diagnostic(
        "what belongs to a virtual root cannot be kept: \(error.call)"
          + "\(error.path.map { " \"\($0)\"" } ?? ""): \(error.errno)",
        help: error.errno == .noSpace ? "give the work directory more room" : nil,
        exit: .surroundings)
    }
  }
}
