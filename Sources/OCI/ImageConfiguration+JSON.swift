// SPDX-License-Identifier: Apache-2.0

extension ImageConfiguration {
  /// Reads a configuration blob.
  ///
  /// - Throws: ``ContentError/malformed(_:)``.
  package init(parsing bytes: [UInt8]) throws {
    guard case .object(var fields) = try JSONValue(parsing: bytes) else {
      throw ContentError.malformed("the image configuration is not an object")
    }
    func take(_ key: String) -> JSONValue? {
      fields.removeValue(forKey: key).flatMap { $0 == .null ? nil : $0 }
    }
    created = take("created")?.string
    author = take("author")?.string
    platform = Platform(
      os: take("os")?.string ?? "linux",
      architecture: take("architecture")?.string ?? Platform.host.architecture,
      variant: take("variant")?.string)
    platform.osVersion = take("os.version")?.string
    platform.osFeatures = take("os.features")?.array?.compactMap(\.string)
    config = try RunConfiguration(take("config")?.object ?? [:])
    history = try take("history").map { try decodeAgain([History].self, $0) } ?? []
    diffIDs =
      try take("rootfs")?["diff_ids"].flatMap { $0 == .null ? nil : $0 }
      .map { try decodeAgain([Digest].self, $0) } ?? []
    other = fields
  }

  /// The blob: sorted keys, no white space.
  package func encoded() throws -> [UInt8] {
    var fields = other
    fields["created"] = created.map(JSONValue.string)
    fields["author"] = author.map(JSONValue.string)
    fields["os"] = .string(platform.os)
    fields["architecture"] = .string(platform.architecture)
    fields["variant"] = platform.variant.map(JSONValue.string)
    fields["os.version"] = platform.osVersion.map(JSONValue.string)
    fields["os.features"] = platform.osFeatures.map { .array($0.map(JSONValue.string)) }
    fields["config"] = .object(try config.fields())
    fields["rootfs"] = .object([
      "type": .string("layers"),
      "diff_ids": .array(diffIDs.map { .string($0.description) }),
    ])
    if !history.isEmpty { fields["history"] = try encodeAgain(history) }
    return try encodeJSON(JSONValue.object(fields))
  }
}

extension RunConfiguration {
  fileprivate init(_ source: [String: JSONValue]) throws {
    var fields = source
    func take(_ key: String) -> JSONValue? {
      fields.removeValue(forKey: key).flatMap { $0 == .null ? nil : $0 }
    }
    func strings(_ key: String) throws -> [String]? {
      try take(key).map { try decodeAgain([String].self, $0) }
    }
    user = take("User")?.string ?? ""
    exposedPorts = Set(take("ExposedPorts")?.object?.keys.map { $0 } ?? [])
    environment = try strings("Env") ?? []
    entrypoint = try strings("Entrypoint")
    command = try strings("Cmd")
    volumes = Set(take("Volumes")?.object?.keys.map { $0 } ?? [])
    workingDirectory = take("WorkingDir")?.string ?? ""
    labels = try take("Labels").map { try decodeAgain([String: String].self, $0) } ?? [:]
    stopSignal = take("StopSignal")?.string
    healthcheck = try take("Healthcheck").map { try decodeAgain(Healthcheck.self, $0) }
    onBuild = try strings("OnBuild") ?? []
    shell = try strings("Shell")
    other = fields
  }

  fileprivate func fields() throws -> [String: JSONValue] {
    func list(_ strings: [String]) -> JSONValue { .array(strings.map(JSONValue.string)) }
    func set(_ names: Set<String>) -> JSONValue? {
      names.isEmpty
        ? nil : .object(Dictionary(uniqueKeysWithValues: names.map { ($0, .object([:])) }))
    }
    var fields = other
    if !user.isEmpty { fields["User"] = .string(user) }
    fields["ExposedPorts"] = set(exposedPorts)
    if !environment.isEmpty { fields["Env"] = list(environment) }
    fields["Entrypoint"] = entrypoint.map(list)
    fields["Cmd"] = command.map(list)
    fields["Volumes"] = set(volumes)
    if !workingDirectory.isEmpty { fields["WorkingDir"] = .string(workingDirectory) }
    if !labels.isEmpty { fields["Labels"] = .object(labels.mapValues(JSONValue.string)) }
    fields["StopSignal"] = stopSignal.map(JSONValue.string)
    fields["Healthcheck"] = try healthcheck.map(encodeAgain)
    if !onBuild.isEmpty { fields["OnBuild"] = list(onBuild) }
    fields["Shell"] = shell.map(list)
    return fields
  }
}

private func decodeAgain<Value: Decodable>(_ type: Value.Type, _ json: JSONValue) throws -> Value {
  try decodeJSON(type, from: encodeJSON(json))
}

private func encodeAgain(_ value: some Encodable) throws -> JSONValue {
  try JSONValue(parsing: encodeJSON(value))
}
