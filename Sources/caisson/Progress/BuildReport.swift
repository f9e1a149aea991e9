// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// What a build made.
struct BuildReport: Hashable, Sendable {
  var manifest: Descriptor
  /// The image ID; an index has none.
  var configurationDigest: Digest?
  /// Compressed layers and configuration.
  var sizeInBytes: Int64
  var layerCount: Int
  /// Where it went, for people: `pushed docker.io/library/app:1`.
  var places: [String]
  var duration: Duration
  var stepCount = 0
  var cachedStepCount = 0

  var digest: Digest { manifest.digest }
}

/// A command in a RUN that ended with an error: `executor` ends with the command's own code.
struct CommandFailure: Error {
  var exitCode: Int32
  var diagnostic: Diagnostic
}

extension CommandFailure: DiagnosticConvertible {}

/// The last lines of a build that went well.
func summaryLines(_ report: BuildReport) -> [String] {
  let layers = report.layerCount == 1 ? "1 layer" : "\(report.layerCount) layers"
  var steps = ""
  if report.cachedStepCount > 0 {
    steps = ", \(report.cachedStepCount) of \(report.stepCount) steps cached"
  }
  return [
    "built \(report.digest), \(sizeText(report.sizeInBytes)) in \(layers), "
      + "\(durationText(report.duration))\(steps)"
  ] + report.places.map { "  " + escapedForTerminal($0) }
}
