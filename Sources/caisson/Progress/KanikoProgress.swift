// SPDX-License-Identifier: Apache-2.0

import Diagnostics

/// kaniko's log lines for an event; scripts look for these.
func kanikoLines(_ event: ProgressEvent) -> [(level: Log.Level, text: String)] {
  switch event {
  case .stageStarted(let stage):
    let base = stage.baseIndex.map(String.init) ?? "-1"
    return [
      (.info, "Building stage '\(stage.base)' [idx: '\(stage.index)', base-idx: '\(base)']")
    ]
  case .stepStarted(_, let step): return [(.info, step.text)] + commandLines(step.arguments)
  case .stepFinished(_, let outcome) where outcome.isCached:
    return [(.info, "Found cached layer, extracting to filesystem")]
  case .stepFinished(_, let outcome):
    return [(.debug, "Step took \(durationText(outcome.duration))")]
  case .phase(let phase): return [(.info, text(phase))]
  case .warning(let diagnostic): return [(.warn, placed(diagnostic))]
  case .message(let text): return [(.info, text)]
  case .transfer(let transfer) where transfer.isDone:
    let size = sizeText(transfer.doneInBytes)
    return [(.debug, "\(transfer.direction.rawValue) of \(transfer.label) done, \(size)")]
  case .stepOutput, .stepFailed, .transfer: return []
  }
}

/// On one line, the place first: `Dockerfile:3:6: no such stage`.
private func placed(_ diagnostic: Diagnostic) -> String {
  guard let location = diagnostic.location else { return diagnostic.message }
  let place = location.range.map { ":\($0.start.line):\($0.start.column)" } ?? ""
  return "\(location.file)\(place): \(diagnostic.message)"
}

private func commandLines(_ arguments: [String]) -> [(level: Log.Level, text: String)] {
  guard let program = arguments.first else { return [] }
  return [
    (.info, "Cmd: \(program)"),
    (.info, "Args: [\(arguments.dropFirst().joined(separator: " "))]"),
    (.info, "Running: [\(arguments.joined(separator: " "))]"),
  ]
}

private func text(_ phase: BuildPhase) -> String {
  switch phase {
  case .retrievingManifest(let reference): "Retrieving image manifest \(reference)"
  case .retrievingImage(let reference, let registry):
    "Retrieving image \(reference) from registry \(registry)"
  case .unpackingBase(let instruction): "Unpacking rootfs as cmd \(instruction) requires it."
  case .unpackingSkipped: "Skipping unpacking as no commands require it."
  case .takingFullSnapshot: "Taking snapshot of full filesystem..."
  case .takingFileSnapshot: "Taking snapshot of files..."
  case .noFilesChanged:
    "No files were changed, appending empty layer to config. No layer added to image."
  case .usingIgnoreFile(let path): "Using dockerignore file: \(path)"
  case .pushing(let reference): "Pushing image to \(reference)"
  case .pushed(let reference): "Pushed \(reference)"
  case .pushSkipped: "Skipping push to container registry due to --no-push flag"
  }
}
