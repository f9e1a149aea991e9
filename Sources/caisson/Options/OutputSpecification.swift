// SPDX-License-Identifier: Apache-2.0

import LinuxSystem
import OCI

/// One `--output`: a kind and its attributes, as `docker buildx build` writes them.
struct OutputSpecification: Hashable, Sendable {
  enum Kind: String, Hashable, Sendable, CaseIterable {
    case image, registry, oci, docker, local, tar
  }

  var kind: Kind
  private var attributes: [String: String]

  /// Reads `type=oci,dest=FILE`; a bare path is a directory of files, `-` a tar archive of them.
  init(_ text: String) throws(CommandLineError) {
    let fields = try commaSeparatedFields(text)
    if fields.count == 1, let path = fields.first, !path.contains("=") {
      kind = path == "-" ? .tar : .local
      attributes = ["dest": path]
      return
    }
    attributes = [:]
    for field in fields {
      let (name, value) = pair(field)
      guard let value, !name.isEmpty else {
        throw .badValue(option: "--output", value: text, expected: "NAME=VALUE pairs, or a path")
      }
      attributes[name] = value
    }
    let words = Kind.allCases.map(\.rawValue)
    guard let word = attributes.removeValue(forKey: "type"), let kind = Kind(rawValue: word) else {
      throw .badValue(
        option: "--output", value: text, expected: "type=TYPE, one of \(oneOf(words))")
    }
    self.kind = kind
    try checkAttributes()
  }

  /// Where the image goes, under the names of `--tag` unless the attributes have their own.
  func destinations(_ tags: [ImageReference], push: Bool, _ surroundings: Surroundings)
    throws(CommandLineError) -> [BuildDestination]
  {
    let names = try self.names ?? tags
    switch kind {
    case .registry: return try pushed(names)
    case .image:
      return try truth("push", default: push) ? pushed(names) : [.store(names: names)]
    case .oci:
      if try !truth("tar", default: true) {
        return [.layout(try directory(surroundings), names: names)]
      }
      return [.archive(try file(surroundings), .oci, names: names)]
    case .docker:
      guard attributes["dest"] != nil else {
        throw .refused(
          "--output type=docker without dest",
          reason: "there is no daemon to load the image into; add dest=FILE, then docker load")
      }
      return [.archive(try file(surroundings), .docker, names: names)]
    case .local: return [.rootDirectory(try directory(surroundings))]
    case .tar: return [.rootArchive(try file(surroundings))]
    }
  }

  private func checkAttributes() throws(CommandLineError) {
    let known: Set<String> =
      switch kind {
      case .image: ["name", "push"]
      case .registry: ["name"]
      case .oci: ["name", "dest", "tar"]
      case .docker: ["name", "dest"]
      case .local, .tar: ["dest"]
      }
    if let other = attributes.keys.sorted().first(where: { !known.contains($0) }) {
      throw .notYet("--output type=\(kind.rawValue) with \(other)")
    }
  }

  private var names: [ImageReference]? {
    get throws(CommandLineError) {
      guard let text = attributes["name"] else { return nil }
      var result: [ImageReference] = []
      for part in text.split(separator: ",") {
        result.append(try imageName(String(part), option: "--output name"))
      }
      return result
    }
  }

  private func pushed(_ names: [ImageReference]) throws(CommandLineError) -> [BuildDestination] {
    guard !names.isEmpty else {
      throw .conflict("pushing needs a name for the image", help: "add --tag REGISTRY/NAME")
    }
    return names.map(BuildDestination.registry)
  }

  private func truth(_ name: String, default standard: Bool) throws(CommandLineError) -> Bool {
    guard let text = attributes[name] else { return standard }
    guard let value = boolean(text) else {
      throw .badValue(option: "--output \(name)", value: text, expected: "true or false")
    }
    return value
  }

  private func file(_ surroundings: Surroundings) throws(CommandLineError) -> OutputFile {
    let text = attributes["dest"] ?? "-"
    guard !text.isEmpty else { throw emptyDestination }
    if text != "-" { return .path(surroundings.absolute(text)) }
    if surroundings.standardOutputIsTerminal {
      throw .refused(
        "--output type=\(kind.rawValue) to a terminal",
        reason: "add dest=FILE, or redirect standard output")
    }
    return .standardOutput
  }

  private func directory(_ surroundings: Surroundings) throws(CommandLineError)
    -> PathBytes
  {
    guard let text = attributes["dest"], !text.isEmpty else { throw emptyDestination }
    guard text != "-" else {
      throw .badValue(option: "--output dest", value: text, expected: "a directory")
    }
    return surroundings.absolute(text)
  }

  private var emptyDestination: CommandLineError {
    .conflict("--output type=\(kind.rawValue) needs dest=PATH")
  }
}

/// Fields between commas; a field in double quotes may hold commas, `""` in it is a quote.
func commaSeparatedFields(_ text: String) throws(CommandLineError) -> [String] {
  var fields = [""]
  var isQuoted = false
  var rest = text[...]
  while let character = rest.popFirst() {
    if character == "\"", isQuoted, rest.first == "\"" {
      rest.removeFirst()
      fields[fields.count - 1].append("\"")
    } else if character == "\"" {
      isQuoted.toggle()
    } else if character == ",", !isQuoted {
      fields.append("")
    } else {
      fields[fields.count - 1].append(character)
    }
  }
  guard !isQuoted else {
    throw .badValue(option: "--output", value: text, expected: "a closing quote")
  }
  return fields
}
