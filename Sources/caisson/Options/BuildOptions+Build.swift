// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import Images
import LinuxSystem
import OCI

extension BuildOptions {
  /// Reads the options of `caisson build`.
  ///
  /// - Parameter place: The context, where the arguments do not say it.
  init(build arguments: ParsedArguments, context place: String? = nil, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    let context = try Self.context(place ?? arguments.positionals.first ?? ".", surroundings)
    self.init(
      command: .build, context: context,
      dockerfile: try Self.dockerfile(arguments, context, surroundings),
      platforms: try arguments.platforms(BuildFlags.platform),
      store: try arguments.store(surroundings), display: try Self.display(arguments, surroundings))
    ignoreFile = try arguments.file(SharedOptions.ignoreFile, surroundings)
    namedContexts = try Self.namedContexts(arguments, surroundings)
    buildArguments = try arguments.buildArguments(
      BuildFlags.buildArgument, surroundings, absent: nil)
    sourceDateEpoch = try arguments.sourceDateEpoch(in: buildArguments)
    target = arguments.value(of: BuildFlags.target).flatMap { $0.isEmpty ? nil : $0 }
    labels = try arguments.labels(BuildFlags.label, valueIsOptional: true)
    try readAnnotations(arguments)
    isReproducible = arguments.isSet(SharedOptions.reproducible)
    imageFormat = arguments.value(of: BuildFlags.imageFormat).flatMap(ImageFormat.init)
    commands = try CommandOptions(arguments, surroundings)
    sandbox = try arguments.sandbox(surroundings)
    registry = arguments.registryAccess(surroundings)
    destinations = try Self.destinations(arguments, surroundings)
    try refuseIndexes()
    if imageFormat == nil, destinations.contains(where: \.isLayout) { imageFormat = .oci }
    reportedNames = try arguments.names(BuildFlags.tag)
    reports.imageID = try arguments.file(BuildFlags.imageIDFile, surroundings)
    reports.metadata = try arguments.file(BuildFlags.metadataFile, surroundings)
  }

  private mutating func readAnnotations(_ arguments: ParsedArguments) throws(CommandLineError) {
    for text in arguments.values(of: BuildFlags.annotation) {
      let (name, value) = pair(text)
      var key = Substring(name)
      var kinds: [Substring] = ["manifest"]
      if let mark = name.firstIndex(of: ":"), let value, !value.isEmpty {
        kinds = name[..<mark].split(separator: ",", omittingEmptySubsequences: false)
        key = name[name.index(after: mark)...]
      }
      guard let value, !key.isEmpty else {
        throw .badValue(option: "--annotation", value: text, expected: "KEY=VALUE")
      }
      for kind in kinds {
        switch kind {
        case "manifest": annotations[String(key)] = value
        case "index": indexAnnotations[String(key)] = value
        case "manifest-descriptor", "index-descriptor":
          throw .notYet("--annotation \(kind):")
        default:
          throw .badValue(
            option: "--annotation", value: text, expected: "manifest: or index: before the key")
        }
      }
    }
    if platforms.count == 1, !indexAnnotations.isEmpty {
      throw .conflict("--annotation index: needs several platforms")
    }
  }

  /// Where an index of several images has no place.
  private func refuseIndexes() throws(CommandLineError) {
    guard platforms.count > 1 else { return }
    for destination in destinations {
      switch destination {
      case .archive(_, .docker, _):
        throw .refused(
          "--output type=docker with several platforms",
          reason: "docker load reads one image; use type=oci")
      case .rootArchive:
        throw .refused(
          "--output type=tar with several platforms",
          reason: "use type=local, which makes a "
            + "directory for each")
      default: continue
      }
    }
  }

  private static func context(_ text: String, _ surroundings: Surroundings)
    throws(CommandLineError) -> ContextLocation
  {
    if text == "-" {
      try refuseTerminal(surroundings, "the context - (standard input)")
      return .standardInput
    }
    let address = text.hasPrefix("github.com/") ? "https://" + text : text
    if let repository = try gitRepository(address, option: "CONTEXT") {
      return .repository(repository)
    }
    if try isAddress(address, option: "CONTEXT") { return .address(address) }
    guard !text.isEmpty else {
      throw .badValue(option: "CONTEXT", value: text, expected: "a directory or -")
    }
    return .directory(surroundings.absolute(text))
  }

  private static func dockerfile(
    _ arguments: ParsedArguments, _ context: ContextLocation, _ surroundings: Surroundings
  ) throws(CommandLineError) -> DockerfileLocation {
    guard let text = arguments.value(of: BuildFlags.file), !text.isEmpty else {
      return .firstOf([.inContext("Dockerfile")])
    }
    if text == "-" {
      guard context != .standardInput else {
        throw .conflict("context and Dockerfile cannot both be standard input")
      }
      try refuseTerminal(surroundings, "--file - (standard input)")
      return .standardInput
    }
    if try isAddress(text, option: "--file") { return .address(text) }
    // Nothing lies beside an archive that comes down a pipe.
    switch context {
    case .standardInput, .repository, .address: return .firstOf([.inContext(text)])
    case .directory, .archive: break
    }
    return .firstOf([.file(surroundings.absolute(text))])
  }

  private static func namedContexts(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> [String: NamedContext]
  {
    var result: [String: NamedContext] = [:]
    for text in arguments.values(of: BuildFlags.buildContext) {
      let (name, value) = pair(text)
      guard let value, !value.isEmpty, !name.isEmpty else {
        throw .badValue(option: "--build-context", value: text, expected: "NAME=VALUE")
      }
      result[name] = try namedContext(value, text, surroundings)
    }
    return result
  }

  private static func namedContext(
    _ value: String, _ text: String, _ surroundings: Surroundings
  ) throws(CommandLineError) -> NamedContext {
    if value.hasPrefix("docker-image://") {
      guard let reference = ImageReference(value.dropFirst("docker-image://".count)) else {
        throw .badValue(
          option: "--build-context", value: text, expected: "NAME=docker-image://REFERENCE")
      }
      return .image(reference)
    }
    if value.hasPrefix("oci-layout://") {
      var path = value.dropFirst("oci-layout://".count)
      var selector: Substring?
      let name = path.lastIndex(of: "/").map { path[$0...] } ?? path
      if let mark = name.firstIndex(of: "@") ?? name.firstIndex(of: ":") {
        selector = path[path.index(after: mark)...]
        path = path[..<mark]
      }
      return .layout(surroundings.absolute(String(path)), selector: selector.map(String.init))
    }
    if value.hasPrefix("rootfs:") {
      let path = value.dropFirst("rootfs:".count)
      guard !path.isEmpty else {
        throw .badValue(option: "--build-context", value: text, expected: "NAME=rootfs:PATH")
      }
      return .rootFileSystem(surroundings.absolute(String(path)))
    }
    if let location = try imageLocation(value, text, surroundings) { return .located(location) }
    if value.hasPrefix("target:") { throw .notYet("--build-context \(text)") }
    if let repository = try gitRepository(value, option: "--build-context") {
      return .repository(repository)
    }
    if try isAddress(value, option: "--build-context") { return .address(value) }
    return .directory(surroundings.absolute(value))
  }

  /// `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:NAME]` or `store:NAME`; nil for all else.
  private static func imageLocation(
    _ value: String, _ text: String, _ surroundings: Surroundings
  ) throws(CommandLineError) -> ImageLocation? {
    let isLocation = ["oci-archive:", "docker-archive:", "store:"].contains { value.hasPrefix($0) }
    guard isLocation else { return nil }
    do {
      switch try ImageLocation(parsing: value) {
      case .layoutArchive(let file, let name):
        return .layoutArchive(file: surroundings.absolute(file.description), name: name)
      case .dockerArchive(let file, let name):
        return .dockerArchive(file: surroundings.absolute(file.description), name: name)
      case let other: return other
      }
    } catch {
      throw .badValue(
        option: "--build-context", value: text,
        expected: "NAME=oci-archive:FILE, NAME=docker-archive:FILE or NAME=store:NAME")
    }
  }

  private static func destinations(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> [BuildDestination]
  {
    let tags = try arguments.names(BuildFlags.tag)
    let push = arguments.isSet(BuildFlags.push)
    var result: [BuildDestination] = []
    var imageOutputs = 0
    for text in arguments.values(of: BuildFlags.output) {
      let output = try OutputSpecification(text)
      if output.kind == .image || output.kind == .registry { imageOutputs += 1 }
      result += try output.destinations(tags, push: push, surroundings)
    }
    if push, imageOutputs == 0 {
      result += try OutputSpecification("type=registry").destinations(
        tags, push: true, surroundings)
    }
    if result.isEmpty { result = [.store(names: tags)] }
    var streams = 0
    for destination in result {
      switch destination {
      case .archive(.standardOutput, _, _), .rootArchive(.standardOutput): streams += 1
      default: break
      }
    }
    if streams > 1 { throw .conflict("only one --output can go to standard output") }
    return result
  }

  private static func display(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> DisplayOptions
  {
    var style = arguments.value(of: BuildFlags.progress).flatMap(ProgressStyle.init) ?? .auto
    if arguments.isSet(BuildFlags.quiet) { style = .quiet }
    let canDraw =
      surroundings.standardErrorIsTerminal && surroundings.variable("TERM") != nil
      && surroundings.variable("TERM") != "dumb"
    if style == .auto { style = canDraw ? .tty : .plain }
    if style == .tty, !canDraw {
      throw .refused(
        "--progress tty", reason: "standard error is no terminal that can be drawn on")
    }
    return DisplayOptions(
      style: .progress(style), level: arguments.isSet(BuildFlags.debug) ? .debug : .warn)
  }
}

/// - Returns: Nil for what is no address of a git repository.
func gitRepository(_ text: String, option: String) throws(CommandLineError) -> GitRepository? {
  do {
    return try GitRepository(text)
  } catch {
    throw .badValue(
      option: option, value: withoutCredentials(text),
      expected: "ADDRESS#REFERENCE:DIRECTORY, or ADDRESS?ref=REFERENCE&subdir=DIRECTORY")
  }
}

/// Whether `text` is to be fetched over HTTP.
private func isAddress(_ text: String, option: String) throws(CommandLineError) -> Bool {
  if text.hasPrefix("http://") || text.hasPrefix("https://") { return true }
  guard text.contains("://") else { return false }
  throw .badValue(
    option: option, value: withoutCredentials(text),
    expected: "a directory, an http or https address, or a git repository")
}

func refuseTerminal(_ surroundings: Surroundings, _ what: String) throws(CommandLineError) {
  if surroundings.standardInputIsTerminal {
    throw .refused(what, reason: "standard input is a terminal; redirect a file into it")
  }
}

extension BuildDestination {
  /// Readers look for names in it only among OCI's own media types.
  fileprivate var isLayout: Bool {
    switch self {
    case .layout, .archive(_, .oci, _): true
    case .registry, .store, .archive, .rootDirectory, .rootArchive: false
    }
  }
}
