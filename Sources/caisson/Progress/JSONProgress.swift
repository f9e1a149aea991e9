// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import OCI

/// One object on one line for each event; `docs/progress-json.md` describes them.
func jsonProgressLine(_ event: ProgressEvent, sinceStart: Duration) -> String {
  let (type, fields) = fields(of: event)
  return compactJSON(
    fields.merging(["event": .string(type), "seconds": .number(seconds(sinceStart))]) { a, _ in a })
}

func jsonProgressLine(_ report: BuildReport, sinceStart: Duration) -> String {
  compactJSON([
    "event": .string("built"), "seconds": .number(seconds(sinceStart)),
    "digest": .string(report.digest.description),
    "imageID": .string((report.configurationDigest ?? report.digest).description),
    "sizeInBytes": .integer(report.sizeInBytes), "layers": .integer(Int64(report.layerCount)),
    "places": .array(report.places.map(JSONValue.string)),
    "steps": .integer(Int64(report.stepCount)),
    "cachedSteps": .integer(Int64(report.cachedStepCount)),
  ])
}

func jsonProgressLine(_ diagnostic: Diagnostic, sinceStart: Duration) -> String {
  let fields = fields(of: diagnostic).merging([
    "event": .string(diagnostic.severity.rawValue), "seconds": .number(seconds(sinceStart)),
  ]) { a, _ in a }
  return compactJSON(fields)
}

private func fields(of diagnostic: Diagnostic) -> [String: JSONValue] {
  var fields: [String: JSONValue] = ["message": .string(diagnostic.message)]
  if let location = diagnostic.location {
    fields["file"] = .string(location.file)
    fields["line"] = location.range.map { .integer(Int64($0.start.line)) }
    fields["column"] = location.range.map { .integer(Int64($0.start.column)) }
  }
  if !diagnostic.notes.isEmpty { fields["notes"] = .array(diagnostic.notes.map(JSONValue.string)) }
  fields["help"] = diagnostic.help.map(JSONValue.string)
  return fields
}

private func fields(of event: ProgressEvent) -> (String, [String: JSONValue]) {
  func number(_ id: StepID) -> JSONValue { .integer(Int64(id.number)) }
  switch event {
  case .stageStarted(let stage):
    var fields: [String: JSONValue] = [
      "index": .integer(Int64(stage.index)), "base": .string(stage.base),
      "steps": .integer(Int64(stage.stepCount)),
    ]
    fields["name"] = stage.name.map(JSONValue.string)
    return ("stageStarted", fields)
  case .stepStarted(let id, let step):
    return (
      "stepStarted",
      [
        "step": number(id), "stage": .string(step.stage), "text": .string(step.text),
        "number": .integer(Int64(step.number)), "count": .integer(Int64(step.count)),
      ]
    )
  case .stepOutput(let id, let bytes, let isError):
    return (
      "stepOutput",
      [
        "step": number(id), "stream": .string(isError ? "stderr" : "stdout"),
        "text": .string(String(decoding: bytes, as: UTF8.self)),
      ]
    )
  case .stepFinished(let id, let outcome):
    var fields: [String: JSONValue] = [
      "step": number(id), "duration": .number(seconds(outcome.duration)),
      "cached": .bool(outcome.isCached),
    ]
    fields["layerSizeInBytes"] = outcome.layerSizeInBytes.map(JSONValue.integer)
    return ("stepFinished", fields)
  case .stepFailed(let id, let duration):
    return ("stepFailed", ["step": number(id), "duration": .number(seconds(duration))])
  case .transfer(let transfer):
    var fields: [String: JSONValue] = [
      "id": .string(transfer.id), "direction": .string(transfer.direction.rawValue),
      "label": .string(transfer.label), "doneInBytes": .integer(transfer.doneInBytes),
    ]
    fields["totalInBytes"] = transfer.totalInBytes.map(JSONValue.integer)
    return ("transfer", fields)
  case .phase(let phase): return fields(of: phase)
  case .warning(let diagnostic): return ("warning", fields(of: diagnostic))
  case .message(let text): return ("message", ["message": .string(text)])
  }
}

private func fields(of phase: BuildPhase) -> (String, [String: JSONValue]) {
  let (name, subject): (String, String?) =
    switch phase {
    case .retrievingManifest(let reference): ("retrievingManifest", reference)
    case .retrievingImage(let reference, _): ("retrievingImage", reference)
    case .unpackingBase(let instruction): ("unpackingBase", instruction)
    case .unpackingSkipped: ("unpackingSkipped", nil)
    case .takingFullSnapshot: ("takingFullSnapshot", nil)
    case .takingFileSnapshot: ("takingFileSnapshot", nil)
    case .noFilesChanged: ("noFilesChanged", nil)
    case .usingIgnoreFile(let path): ("usingIgnoreFile", path)
    case .pushing(let reference): ("pushing", reference)
    case .pushed(let reference): ("pushed", reference)
    case .pushSkipped: ("pushSkipped", nil)
    }
  var fields: [String: JSONValue] = ["phase": .string(name)]
  fields["subject"] = subject.map(JSONValue.string)
  return ("phase", fields)
}
