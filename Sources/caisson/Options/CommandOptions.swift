// SPDX-License-Identifier: Apache-2.0

import BuildExecution
import BuildPlanning
import LinuxSystem
import Sandboxing

/// What the commands of a build are given: `--secret`, `--ssh`, `--add-host`, `--ulimit`,
/// `--shm-size`, `--network`.
struct CommandOptions: Hashable, Sendable {
  enum SecretSource: Hashable, Sendable {
    case file(PathBytes)
    /// An environment variable; its value.
    case value(String)
  }

  /// By their IDs.
  var secrets: [String: SecretSource] = [:]
  /// Sockets, by the IDs of agents.
  var agents: [String: PathBytes] = [:]
  var settings = CommandSettings()
  var network = RunNetwork.host
}

extension CommandOptions {
  static let secret = Option.value(
    "secret", "id=ID[,src=FILE|,env=VARIABLE]", isRepeatable: true, .input,
    "a secret for RUN --mount=type=secret; with an ID alone, the environment variable of that name, "
      + "else the file")
  static let ssh = Option.value(
    "ssh", "ID[=SOCKET]", isRepeatable: true, .input,
    "the socket of an SSH agent for RUN --mount=type=ssh; that of $SSH_AUTH_SOCK if none is named")
  static let addHost = Option.value(
    "add-host", "NAME:ADDRESS", isRepeatable: true, .build, "a line for /etc/hosts of RUN")
  static let ulimit = Option.value(
    "ulimit", "NAME=SOFT[:HARD]", isRepeatable: true, .build, "a resource limit of RUN")
  static let sharedMemory = Option.value(
    "shm-size", "SIZE", standard: "64m", .build, "the size of /dev/shm in RUN")
  static let network = Option.choice(
    "network", ["default", "none", "host"], standard: "default", .build,
    "what RUN reaches; default is the builder's own network")

  static let all = [secret, ssh, addHost, ulimit, sharedMemory, network]

  init(_ arguments: ParsedArguments, _ surroundings: Surroundings) throws(CommandLineError) {
    for text in arguments.values(of: Self.secret) { try addSecret(text, surroundings) }
    for text in arguments.values(of: Self.ssh) { try addAgent(text, surroundings) }
    for text in arguments.values(of: Self.addHost) { try addHost(text) }
    for text in arguments.values(of: Self.ulimit) { try addLimit(text) }
    if let text = arguments.value(of: Self.sharedMemory) {
      guard let size = sizeInBytes(text), size > 0 else {
        throw .badValue(option: "--shm-size", value: text, expected: "a size, as in 128m or 1g")
      }
      settings.sharedMemorySizeInBytes = size
    }
    if arguments.value(of: Self.network) == "none" { network = .none }
  }

  /// `id=ID[,src=FILE|source=FILE][,env=VARIABLE][,type=file|env]`
  mutating func addSecret(_ text: String, _ surroundings: Surroundings) throws(CommandLineError) {
    let expected = "id=ID, id=ID,src=FILE or id=ID,env=VARIABLE"
    var fields: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let (key, value) = pair(String(part))
      let name = key.lowercased() == "source" ? "src" : key.lowercased()
      guard ["id", "src", "env", "type"].contains(name), let value, fields[name] == nil else {
        throw .badValue(option: "--secret", value: text, expected: expected)
      }
      fields[name] = value
    }
    guard let id = fields["id"], !id.isEmpty else {
      throw .badValue(option: "--secret", value: text, expected: expected)
    }
    guard secrets[id] == nil else { throw .conflict("the secret \"\(id)\" is given twice") }
    if fields["type"] == "env", fields["env"] == nil { fields["env"] = fields["src"] ?? id }
    guard ["env", "file", nil].contains(fields["type"]) else {
      throw .badValue(option: "--secret", value: text, expected: "type=file or type=env")
    }
    if let variable = fields["env"] {
      guard let value = surroundings.environment[variable] else {
        throw .refused("--secret \(text)", reason: "$\(variable) is not set")
      }
      secrets[id] = .value(value)
    } else if let file = fields["src"], !file.isEmpty {
      secrets[id] = .file(surroundings.absolute(file))
    } else if fields["type"] == nil, let value = surroundings.environment[id] {
      secrets[id] = .value(value)
    } else {
      secrets[id] = .file(surroundings.absolute(id))
    }
  }

  private mutating func addAgent(_ text: String, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    let (id, path) = pair(text)
    guard !id.isEmpty, path?.contains(",") != true else {
      throw .badValue(option: "--ssh", value: text, expected: "default, or ID=SOCKET")
    }
    guard let path else {
      guard let socket = surroundings.variable("SSH_AUTH_SOCK") else {
        throw .refused("--ssh \(text)", reason: "$SSH_AUTH_SOCK is not set; start an ssh-agent")
      }
      agents[id] = surroundings.absolute(socket)
      return
    }
    agents[id] = surroundings.absolute(path)
  }

  private mutating func addHost(_ text: String) throws(CommandLineError) {
    guard let mark = text.firstIndex(where: { $0 == ":" || $0 == "=" }) else {
      throw .badValue(option: "--add-host", value: text, expected: "NAME:ADDRESS")
    }
    let name = text[..<mark]
    var address = text[text.index(after: mark)...]
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    let isName = !name.isEmpty && !name.contains { $0.isWhitespace || $0 == "#" }
    guard isName, isAddress(String(address)) else {
      throw .badValue(
        option: "--add-host", value: text, expected: "NAME:ADDRESS, as in db:10.0.0.5 or db:::1")
    }
    settings.hosts.append("\(address)\t\(name)")
  }

  private mutating func addLimit(_ text: String) throws(CommandLineError) {
    let (name, value) = pair(text)
    let ends = (value ?? "").split(separator: ":", omittingEmptySubsequences: false)
    guard let resource = SandboxLimit.Resource(rawValue: name.lowercased()), ends.count <= 2,
      let soft = Self.limit(ends[0]), let hard = Self.limit(ends[ends.count - 1]), soft <= hard
    else {
      throw .badValue(
        option: "--ulimit", value: text,
        expected: "NAME=SOFT[:HARD], as in nofile=1024:2048; names are "
          + SandboxLimit.Resource.allCases.map(\.rawValue).joined(separator: ", "))
    }
    settings.limits.append(SandboxLimit(resource, soft: soft, hard: hard))
  }

  private static func limit(_ text: Substring) -> UInt64? {
    text == "-1" || text == "unlimited" ? .max : UInt64(text)
  }
}
