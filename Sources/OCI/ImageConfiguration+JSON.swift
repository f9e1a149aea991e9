// SPDX-License-Identifier: Apache-2.0

extension ImageConfiguration {
  /// Reads a configuration blob.
  ///
  /// - Throws: ``ContentError/malformed(_:)``.
  package init(parsing bytes: [UInt8]) throws {
    guard case .object(let object) = try JSONValue(parsing: bytes) else {
      throw ContentError.malformed("the image configuration is not an object")
    }
    var fields = JSONFields(object)
    created = try fields.take(String.self, "created")
    author = try fields.take(String.self, "author")
    platform = Platform(
      os: try fields.take(String.self, "os") ?? "linux",
      architecture: try fields.take(String.self, "architecture") ?? Platform.host.architecture,
      variant: try fields.take(String.self, "variant"))
    platform.osVersion = try fields.take(String.self, "os.version")
    platform.osFeatures = try fields.take([String].self, "os.features")
    config = try RunConfiguration(
      JSONFields(fields.take([String: JSONValue].self, "config") ?? [:], within: "config"))
    history = try fields.take([History].self, "history") ?? []
    var fileSystem = JSONFields(
      try fields.take([String: JSONValue].self, "rootfs") ?? [:], within: "rootfs")
    diffIDs = try fileSystem.take([Digest].self, "diff_ids") ?? []
    other = fields.rest
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
  fileprivate init(_ source: JSONFields) throws {
    var fields = source
    user = try fields.take(String.self, "User") ?? ""
    exposedPorts = try Set(
      fields.take([String: JSONValue].self, "ExposedPorts")?.keys.map { $0 } ?? [])
    environment = try fields.take([String].self, "Env") ?? []
    entrypoint = try fields.take([String].self, "Entrypoint")
    command = try fields.take([String].self, "Cmd")
    volumes = try Set(fields.take([String: JSONValue].self, "Volumes")?.keys.map { $0 } ?? [])
    workingDirectory = try fields.take(String.self, "WorkingDir") ?? ""
    labels = try fields.take([String: String].self, "Labels") ?? [:]
    stopSignal = try fields.take(String.self, "StopSignal")
    healthcheck = try fields.take(Healthcheck.self, "Healthcheck")
    onBuild = try fields.take([String].self, "OnBuild") ?? []
    shell = try fields.take([String].self, "Shell")
    other = fields.rest
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

/// The members of an object, taken out one by one; what is left is what nobody knew.
private struct JSONFields {
  private(set) var rest: [String: JSONValue]
  /// For messages.
  private let parent: String?

  init(_ object: [String: JSONValue], within parent: String? = nil) {
    rest = object
    self.parent = parent
  }

  /// - Returns: Nil when the member is missing or null.
  /// - Throws: ``ContentError/malformed(_:)`` when it is of another type.
  mutating func take<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value? {
    guard let value = rest.removeValue(forKey: key), value != .null else { return nil }
    do {
      return try decodeJSON(type, from: encodeJSON(value))
    } catch ContentError.malformed(let problem) {
      let place = (parent.map { $0 + "." } ?? "") + key
      throw ContentError.malformed("\"\(place)\" is malformed: \(problem)")
    }
  }
}

private func encodeAgain(_ value: some Encodable) throws -> JSONValue {
  try JSONValue(parsing: encodeJSON(value))
}
