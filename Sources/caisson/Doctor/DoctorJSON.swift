// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI
import Sandboxing

/// The answer for programs; docs/doctor-json.md has its fields.
func doctorJSON(_ place: Place) throws -> [UInt8] {
  let decision = place.decision
  var reasons: [String] = decision.why.map { [$0] } ?? []
  var help: String?
  if case .none(let unavailable) = decision {
    reasons = unavailable.reasons
    help = unavailable.help
  }
  var fields: [String: JSONValue] = [
    "schemaVersion": .integer(1), "sandbox": decision.name.map(JSONValue.string) ?? .null,
    "reasons": strings(reasons), "sandboxes": sandboxes(place), "process": process(place),
    "kernel": kernel(place), "limits": limits(place),
    "directories": .array(place.directories.map(directory)), "facts": facts(place),
    "advice": .array(place.advice.map(advice)),
  ]
  fields["help"] = help.map(JSONValue.string)
  return try encodeJSON(JSONValue.object(fields), pretty: true) + [0x0A]
}

private func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }

private func sandboxes(_ place: Place) -> JSONValue {
  var namespaces: [String: JSONValue]
  switch place.namespaces.answer {
  case .here:
    namespaces = ["works": .bool(true), "needsUserNamespace": .bool(false), "reasons": .array([])]
  case .inUserNamespace:
    namespaces = ["works": .bool(true), "needsUserNamespace": .bool(true), "reasons": .array([])]
  case .nowhere(let reasons):
    namespaces = ["works": .bool(false), "reasons": strings(reasons)]
  }
  let refusals = place.virtual.refusals
  var virtual: [String: JSONValue] = [
    "works": .bool(refusals.isEmpty), "reasons": strings(refusals.map(\.reason)),
  ]
  if case .nowhere(_, let help) = VirtualProbe.Answer(refusals) { virtual["help"] = .string(help) }
  return .object(["namespaces": .object(namespaces), "virtual": .object(virtual)])
}

private func process(_ place: Place) -> JSONValue {
  let status = place.status
  var fields: [String: JSONValue] = [
    "uid": .integer(Int64(status.uid)), "gid": .integer(Int64(status.gid)),
    "groups": .array(status.groups.map { .integer(Int64($0)) }),
    "capabilities": .object([
      "effective": strings(CapabilityName.names(in: status.effective)),
      "permitted": strings(CapabilityName.names(in: status.permitted)),
      "bounding": strings(CapabilityName.names(in: status.bounding)),
    ]), "noNewPrivileges": .bool(status.hasNoNewPrivileges),
    "isInInitialUserNamespace": .bool(place.namespaces.isInitial),
    "hasServiceAccountToken": .bool(place.container.hasServiceAccountToken),
  ]
  fields["seccompMode"] = status.seccomp.map { .integer(Int64($0.rawValue)) }
  fields["container"] = place.container.runtime.map { .string($0.rawValue) }
  return .object(fields)
}

private func kernel(_ place: Place) -> JSONValue {
  var fields: [String: JSONValue] = [
    "release": .string(place.virtual.kernel.text),
    "architecture": .string(place.virtual.architecture),
    "yamaScope": .integer(Int64(place.virtual.yamaScope)),
    "securityModules": strings(place.virtual.security.names),
  ]
  fields["guest"] = place.virtual.guest.map { .string($0.rawValue) }
  fields["appArmorProfile"] = place.virtual.security.appArmor.map { .string($0.profile) }
  fields["seLinuxContext"] = place.virtual.security.seLinux.map { .string($0.context) }
  fields["landlockVersion"] = place.landlockVersion.map { .integer(Int64($0)) }
  fields["memfdNoexec"] = place.memfdNoexec.map(JSONValue.integer)
  return .object(fields)
}

private func limits(_ place: Place) -> JSONValue {
  var fields: [String: JSONValue] = [:]
  fields["cgroupVersion"] = place.cgroup.version.map { .string($0.rawValue) }
  fields["memoryLimitInBytes"] = place.cgroup.memoryLimitInBytes.map(JSONValue.integer)
  fields["memoryUsedInBytes"] = place.cgroup.memoryUsedInBytes.map(JSONValue.integer)
  fields["processors"] = place.cgroup.processors.map(JSONValue.number)
  fields["processes"] = place.cgroup.processLimit.map(JSONValue.integer)
  for limit in place.limits {
    var bounds: [String: JSONValue] = [:]
    bounds["soft"] = limit.soft.map { .integer(Int64(clamping: $0)) }
    bounds["hard"] = limit.hard.map { .integer(Int64(clamping: $0)) }
    fields["\(limit.resource.rawValue)Limit"] = .object(bounds)
  }
  return .object(fields)
}

private func directory(_ directory: PlaceDirectory) -> JSONValue {
  var fields: [String: JSONValue] = [
    "purpose": .string(directory.purpose.rawValue), "path": .string(directory.path.description),
    "exists": .bool(directory.exists), "isWritable": .bool(directory.writes.isGood),
    "fileSystem": .string(directory.type), "mountFlags": strings(directory.flags),
  ]
  fields["freeInBytes"] = directory.freeBytes.map(JSONValue.integer)
  fields["freeInodes"] = directory.freeInodes.map(JSONValue.integer)
  return .object(fields)
}

private func facts(_ place: Place) -> JSONValue {
  let rows = place.sections.flatMap(\.rows).map { row in
    (
      row.id,
      JSONValue.object(["state": .string(row.state.rawValue), "text": .string(row.value)])
    )
  }
  return .object(Dictionary(rows) { first, _ in first })
}

private func advice(_ advice: PlaceAdvice) -> JSONValue {
  .object([
    "id": .string(advice.id), "title": .string(advice.title), "gain": .string(advice.gain),
    "cost": .string(advice.cost), "yaml": .string(advice.yaml.map { $0 + "\n" }.joined()),
    "commands": strings(advice.commands),
  ])
}
