// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import DockerfileSyntax
import OCI

/// A Dockerfile as JSON; docs/parse-json.md has its fields.
func syntaxTree(_ dockerfile: Dockerfile) -> JSONValue {
  .object([
    "schemaVersion": .integer(1), "file": .string(dockerfile.source.name),
    "directives": directives(dockerfile.directives),
    "instructions": .array(dockerfile.instructions.map(instruction)),
    "emptyContinuations": .array(dockerfile.emptyContinuations.map(range)),
  ])
}

private func directives(_ directives: Directives) -> JSONValue {
  var fields: [String: JSONValue] = [
    "escape": .string(String(decoding: [directives.escape], as: UTF8.self))
  ]
  fields["syntax"] = directives.syntax.map(word)
  fields["check"] = directives.check.map(word)
  return .object(fields)
}

private func position(_ position: SourcePosition) -> JSONValue {
  .object(["line": .integer(Int64(position.line)), "column": .integer(Int64(position.column))])
}

private func range(_ range: SourceRange) -> JSONValue {
  .object(["start": position(range.start), "end": position(range.end)])
}

private func word(_ word: Word) -> JSONValue {
  .object(["text": .string(word.text), "range": range(word.range)])
}

private func words(_ list: [Word]) -> JSONValue { .array(list.map(word)) }

private func instruction(_ instruction: Instruction) -> JSONValue {
  var fields = body(instruction.body)
  fields["instruction"] = .string(instruction.keyword.text.uppercased())
  fields["keyword"] = word(instruction.keyword)
  fields["range"] = range(instruction.range)
  return .object(fields)
}

private func body(_ body: Instruction.Body) -> [String: JSONValue] {
  switch body {
  case .from(let from): from.fields
  case .arg(let list): ["arguments": .array(list.map(argument))]
  case .env(let list), .label(let list): ["assignments": .array(list.map(assignment))]
  case .run(let run): run.fields
  case .copy(let copy), .add(let copy): copy.fields
  case .workdir(let path): ["path": word(path)]
  case .user(let user): ["user": word(user)]
  case .expose(let ports): ["ports": words(ports)]
  case .volume(let paths): ["paths": words(paths)]
  case .cmd(let command), .entrypoint(let command): ["command": commandLine(command)]
  case .shell(let list): ["shell": words(list)]
  case .stopSignal(let signal): ["signal": word(signal)]
  case .healthcheck(let check): check.fields
  case .onBuild(let trigger):
    ["trigger": .object(["text": .string(trigger.text), "range": range(trigger.range)])]
  case .maintainer(let name): ["name": word(name)]
  }
}

private func argument(_ argument: Argument) -> JSONValue {
  var fields = ["name": word(argument.name)]
  fields["value"] = argument.value.map(word)
  return .object(fields)
}

private func assignment(_ assignment: Assignment) -> JSONValue {
  .object(["key": word(assignment.key), "value": word(assignment.value)])
}

private func commandLine(_ command: CommandLine) -> JSONValue {
  switch command {
  case .shell(let text): .object(["form": .string("shell"), "text": word(text)])
  case .exec(let list): .object(["form": .string("exec"), "arguments": words(list)])
  }
}

private func document(_ document: HereDocument) -> JSONValue {
  .object([
    "name": .string(document.name), "content": .string(document.content),
    "expands": .bool(document.expands), "stripsTabs": .bool(document.stripsTabs),
    "range": range(document.range),
  ])
}

private func mount(_ mount: MountFlag) -> JSONValue {
  .object([
    "range": range(mount.range),
    "options": .array(
      mount.fields.map { field in
        var fields: [String: JSONValue] = ["key": .string(field.key), "range": range(field.range)]
        fields["value"] = field.value.map(word)
        return .object(fields)
      }),
  ])
}

extension From {
  fileprivate var fields: [String: JSONValue] {
    var fields = ["image": word(image)]
    fields["platform"] = platform.map(word)
    fields["name"] = name.map(word)
    return fields
  }
}

extension Run {
  fileprivate var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = ["command": commandLine(command)]
    if !documents.isEmpty { fields["documents"] = .array(documents.map(document)) }
    if !mounts.isEmpty { fields["mounts"] = .array(mounts.map(mount)) }
    if !devices.isEmpty { fields["devices"] = words(devices) }
    fields["network"] = network.map(word)
    fields["security"] = security.map(word)
    return fields
  }
}

extension Copy {
  fileprivate var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "sources": .array(
        sources.map { source in
          switch source {
          case .path(let path): .object(["path": word(path)])
          case .document(let here): .object(["document": document(here)])
          }
        }), "destination": word(destination),
    ]
    fields["from"] = from.map(word)
    fields["chown"] = owner.map(word)
    fields["chmod"] = mode.map(word)
    fields["checksum"] = checksum.map(word)
    fields["keepGitDir"] = keepsGitDirectory.map(JSONValue.bool)
    fields["unpack"] = unpacks.map(JSONValue.bool)
    if keepsParents { fields["parents"] = .bool(true) }
    if !excludes.isEmpty { fields["exclude"] = words(excludes) }
    return fields
  }
}

extension HealthcheckInstruction {
  fileprivate var fields: [String: JSONValue] {
    guard let command else { return ["none": .bool(true)] }
    var fields: [String: JSONValue] = ["command": commandLine(command)]
    fields["intervalInNanoseconds"] = intervalInNanoseconds.map(JSONValue.integer)
    fields["timeoutInNanoseconds"] = timeoutInNanoseconds.map(JSONValue.integer)
    fields["startPeriodInNanoseconds"] = startPeriodInNanoseconds.map(JSONValue.integer)
    fields["startIntervalInNanoseconds"] = startIntervalInNanoseconds.map(JSONValue.integer)
    fields["retries"] = retries.map { .integer(Int64($0)) }
    return fields
  }
}
