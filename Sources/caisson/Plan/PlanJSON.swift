// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import Diagnostics
import OCI

/// A plan for programs; docs/plan-json.md has its fields.
func planJSON(_ plan: BuildPlan) throws -> [UInt8] {
  let fields: [String: JSONValue] = [
    "schemaVersion": .integer(1), "targets": .array(plan.targets.map { .integer(Int64($0.index)) }),
    "stages": .array(try plan.stages.map(stage)),
  ]
  return try encodeJSON(JSONValue.object(fields), pretty: true) + [0x0A]
}

private func stage(_ stage: Stage) throws -> JSONValue {
  var fields: [String: JSONValue] = [
    "index": .integer(Int64(stage.id.index)), "platform": .string(stage.platform.description),
    "line": .integer(Int64(stage.source.start.line)), "base": base(stage.base),
    "steps": .array(stage.steps.map(step)),
    "configuration": try JSONValue(parsing: try stage.configuration.encoded()),
  ]
  fields["name"] = stage.name.map(JSONValue.string)
  return .object(fields)
}

private func base(_ base: Stage.Base) -> JSONValue {
  switch base {
  case .scratch: .object(["kind": .string("scratch")])
  case .image(let image):
    .object([
      "kind": .string("image"), "name": .string(image.request.name),
      "digest": .string(image.digest.description),
    ])
  case .stage(let id): .object(["kind": .string("stage"), "index": .integer(Int64(id.index))])
  }
}

private func step(_ step: Step) -> JSONValue {
  var fields: [String: JSONValue] = [
    "text": .string(step.text), "createdBy": .string(step.createdBy),
    "line": .integer(Int64(step.source.start.line)),
  ]
  switch step.action {
  case .configure: fields["kind"] = .string("configure")
  case .makeWorkingDirectory(let directory):
    fields["kind"] = .string("workdir")
    fields["path"] = .string(directory.path)
  case .copy(let copy): fields.merge(copy.fields) { $1 }
  case .run(let run): fields.merge(run.fields) { $1 }
  }
  return .object(fields)
}

private func strings(_ list: [String]) -> JSONValue { .array(list.map(JSONValue.string)) }

extension FileOrigin {
  fileprivate var json: JSONValue {
    switch self {
    case .context: .object(["kind": .string("context")])
    case .namedContext(let name):
      .object(["kind": .string("named-context"), "name": .string(name)])
    case .stage(let id): .object(["kind": .string("stage"), "index": .integer(Int64(id.index))])
    case .image(let image):
      .object([
        "kind": .string("image"), "name": .string(image.request.name),
        "digest": .string(image.digest.description),
      ])
    }
  }
}

extension CopyStep {
  fileprivate var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "kind": .string("copy"), "origin": origin.json, "destination": .string(destination),
      "unpacksArchives": .bool(unpacksArchives), "keepsParents": .bool(keepsParents),
      "exclude": strings(excludes.map(\.pattern)), "sources": .array(sources.map(\.json)),
    ]
    fields["chown"] = owner.map(JSONValue.string)
    return fields
  }
}

extension CopyStep.Source {
  fileprivate var json: JSONValue {
    switch self {
    case .path(let path, _): .object(["path": .string(path)])
    case .inline(let name, let content):
      .object([
        "document": .string(name), "content": .string(String(decoding: content, as: UTF8.self)),
      ])
    case .remote(let file, _): .object(["url": .string(file.shown)])
    case .git(let repository, _): .object(["git": .string(repository.shown)])
    }
  }
}

extension RunStep {
  fileprivate var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "kind": .string("run"), "environment": strings(environment),
      "workingDirectory": .string(workingDirectory), "user": .string(user),
      "network": .string(network.rawValue), "mounts": .array(mounts.map(\.json)),
    ]
    switch command {
    case .arguments(let arguments): fields["arguments"] = strings(arguments)
    case .script(let text): fields["script"] = .string(text)
    }
    return fields
  }
}

extension RunMount {
  fileprivate var json: JSONValue {
    var fields: [String: JSONValue] = [
      "readOnly": .bool(isReadOnly), "uid": .integer(Int64(uid)), "gid": .integer(Int64(gid)),
      "mode": .string("0" + String(mode, radix: 8)),
    ]
    fields["target"] = target.map(JSONValue.string)
    switch content {
    case .files(let origin, let path):
      fields["type"] = .string("bind")
      fields["origin"] = origin.json
      fields["source"] = .string(path)
    case .cache(let cache):
      fields["type"] = .string("cache")
      fields["id"] = .string(cache.id)
      fields["sharing"] = .string(cache.sharing.rawValue)
    case .temporary(let size):
      fields["type"] = .string("tmpfs")
      fields["sizeInBytes"] = size.map(JSONValue.integer)
    case .secret(let id, let isRequired, let variable):
      fields["type"] = .string("secret")
      fields["id"] = .string(id)
      fields["required"] = .bool(isRequired)
      fields["variable"] = variable.map(JSONValue.string)
    case .agent(let id, let isRequired):
      fields["type"] = .string("ssh")
      fields["id"] = .string(id)
      fields["required"] = .bool(isRequired)
    }
    return .object(fields)
  }
}
