// SPDX-License-Identifier: Apache-2.0

import BuildPlanning
import LinuxSystem
import OCI

extension BuildOptions {
  /// Reads the options of `caisson executor`, and kaniko's environment.
  init(executor arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    try Self.refuseEnvironment(surroundings)
    let dockerfile = arguments.value(of: ExecutorFlags.dockerfile) ?? "Dockerfile"
    let (store, temporaryStorePlaces) = try arguments.executorStore(surroundings)
    self.init(
      command: .executor, context: try Self.executorContext(arguments, surroundings),
      dockerfile: dockerfile.hasPrefix("http://") || dockerfile.hasPrefix("https://")
        ? .address(dockerfile)
        : .firstOf([.file(surroundings.absolute(dockerfile)), .inContext(dockerfile)]),
      platforms: [try arguments.platform(ExecutorFlags.customPlatform)],
      store: store, display: Self.executorDisplay(arguments))
    self.temporaryStorePlaces = temporaryStorePlaces
    contextSubPath = Self.subPath(arguments)
    ignoreFile = try arguments.file(SharedOptions.ignoreFile, surroundings)
    buildArguments = try arguments.buildArguments(
      ExecutorFlags.buildArgument, surroundings, absent: "")
    sourceDateEpoch = try arguments.sourceDateEpoch(in: buildArguments)
    target = try Self.executorTarget(arguments)
    labels = try arguments.labels(ExecutorFlags.label, valueIsOptional: false)
    isReproducible = arguments.isSet(SharedOptions.reproducible)
    takesSingleSnapshot = arguments.isSet(ExecutorFlags.singleSnapshot)
    for text in arguments.values(of: CommandOptions.secret) {
      try commands.addSecret(text, surroundings)
    }
    sandbox = try arguments.sandbox(surroundings)
    registry = arguments.registryAccess(surroundings)
    registry.upstreamClient = try surroundings.upstreamClient
    if let mirror = surroundings.variable("KANIKO_REGISTRY_MIRROR") {
      registry.mirrors.append(mirror)
    }
    try readOutputs(arguments, surroundings)
  }

  private static func refuseEnvironment(_ surroundings: Surroundings) throws(CommandLineError) {
    if surroundings.variable("KANIKO_REGISTRY_MAP") != nil {
      throw .notYet("$KANIKO_REGISTRY_MAP")
    }
  }

  private static func executorContext(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> ContextLocation
  {
    let text = arguments.value(of: ExecutorFlags.context) ?? "/workspace/"
    guard let mark = text.firstRange(of: "://") else {
      guard !text.isEmpty else { throw badContext(text) }
      return .directory(surroundings.absolute(text))
    }
    let place = String(text[mark.upperBound...])
    guard !place.isEmpty else { throw badContext(text) }
    switch text[..<mark.lowerBound] {
    case "dir": return .directory(surroundings.absolute(place))
    case "tar":
      guard place == "stdin" else { return .archive(surroundings.absolute(place)) }
      try refuseTerminal(surroundings, "--context tar://stdin")
      return .standardInput
    case "https":
      if surroundings.variable("AZURE_STORAGE_ACCESS_KEY") != nil, isAzure(place) {
        throw .notYet("--context \(text) with $AZURE_STORAGE_ACCESS_KEY")
      }
      return .address(text)
    case "git": return .repository(try Self.executorRepository(place, arguments, surroundings))
    case "gs", "s3": throw .notYet("--context \(text[..<mark.upperBound])")
    default: throw badContext(text)
    }
  }

  /// Where kaniko signs its requests with the account's key; without one it is any address.
  private static func isAzure(_ place: String) -> Bool {
    let host = place.prefix { $0 != "/" && $0 != ":" && $0 != "?" }
    return [
      "windows.net", "chinacloudapi.cn", "cloudapi.de", "usgovcloudapi.net",
    ].contains { host.hasSuffix(".blob.core." + $0) }
  }

  /// kaniko's `git://HOST/PATH[#REFERENCE[#COMMIT]]`, which is fetched over https.
  private static func executorRepository(
    _ place: String, _ arguments: ParsedArguments, _ surroundings: Surroundings
  ) throws(CommandLineError) -> GitRepository {
    let parts = place.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
    let method = surroundings.variable("GIT_PULL_METHOD") ?? "https"
    guard ["https", "http"].contains(method) else {
      throw .badValue(option: "$GIT_PULL_METHOD", value: method, expected: "https or http")
    }
    let login = login(surroundings)
    var repository: GitRepository
    do {
      guard parts.count <= 3,
        let found = try GitRepository("git://" + parts[0] + (parts.count > 1 ? "#" + parts[1] : ""))
      else { throw badContext(withoutCredentials("git://" + place)) }
      repository = found
    } catch let error as CommandLineError {
      throw error
    } catch {
      throw badContext(withoutCredentials("git://" + place))
    }
    let host = UserInformation(of: repository.remote)?.rest ?? parts[0]
    repository.remote = "\(method)://" + (login.isEmpty ? parts[0] : login + host)
    if parts.count == 3, !parts[2].isEmpty { repository.reference = parts[2] }
    repository.keepsGitDirectory = true
    repository.hasSubmodules = false
    for text in arguments.values(of: ExecutorFlags.git) {
      for option in text.split(separator: ",") { try repository.apply(String(option)) }
    }
    return repository
  }

  /// kaniko gives a token as user without password; git asks for one unless the colon says that it is empty.
  private static func login(_ surroundings: Surroundings) -> String {
    let token = surroundings.variable("GIT_TOKEN") ?? ""
    let user = token.isEmpty ? surroundings.variable("GIT_USERNAME") ?? "" : token
    let password = token.isEmpty ? surroundings.variable("GIT_PASSWORD") ?? "" : ""
    return user.isEmpty && password.isEmpty ? "" : "\(escaped(user)):\(escaped(password))@"
  }

  /// For the part before `@`. RFC 3986, section 3.2.1.
  private static func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.map { byte in
      let scalar = Unicode.Scalar(byte)
      let isPlain =
        scalar.isASCII && (scalar.properties.isAlphabetic || (0x30...0x39).contains(byte))
      return isPlain || "-._~".utf8.contains(byte)
        ? String(scalar) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }.joined()
  }

  private static func badContext(_ text: String) -> CommandLineError {
    .badValue(
      option: "--context", value: text,
      expected:
        "a directory, dir://DIR, tar://FILE, tar://stdin, git://HOST/PATH[#REFERENCE[#COMMIT]] "
        + "or https://ADDRESS-OF-A-TAR")
  }

  private static func subPath(_ arguments: ParsedArguments) -> String? {
    arguments.value(of: ExecutorFlags.contextSubPath).flatMap {
      let path = PathBytes($0).normalizedInRoot
      return path.isEmpty ? nil : path.description
    }
  }

  private static func executorTarget(_ arguments: ParsedArguments) throws(CommandLineError)
    -> String?
  {
    let targets = arguments.values(of: ExecutorFlags.target).flatMap { $0.split(separator: ",") }
    guard targets.count <= 1 else { throw .notYet("--target with several stages") }
    return targets.first.map(String.init)
  }

  private static func executorDisplay(_ arguments: ParsedArguments) -> DisplayOptions {
    let word = arguments.value(of: ExecutorFlags.verbosity)
    let level = word == "warning" ? "warn" : word
    let format = arguments.value(of: ExecutorFlags.logFormat).flatMap(LogFormat.init) ?? .color
    return DisplayOptions(
      style: .log(format, hasTimestamps: arguments.isSet(ExecutorFlags.logTimestamp)),
      level: .allCases.first { $0.name == level } ?? .info)
  }

  private mutating func readOutputs(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError)
  {
    let names = try arguments.names(ExecutorFlags.destination)
    let skipsPush = try Self.skipsPush(arguments, surroundings)
    if names.isEmpty, !skipsPush {
      throw .conflict(
        "--destination is missing",
        help: "name the image with --destination REGISTRY/NAME, or add --no-push")
    }
    if !skipsPush { destinations = names.map(BuildDestination.registry) }
    if let directory = try arguments.file(ExecutorFlags.layoutPath, surroundings) {
      destinations.append(.layout(directory, names: []))
    }
    if let file = try arguments.file(ExecutorFlags.tarPath, surroundings) {
      destinations.append(
        .archive(.path(file), .docker, names: names.isEmpty ? [Self.unsetName] : names))
    }
    reports.digest = try arguments.file(ExecutorFlags.digestFile, surroundings)
    reports.nameWithDigest = try arguments.file(ExecutorFlags.nameDigestFile, surroundings)
    reports.nameAndTagWithDigest = try arguments.file(
      ExecutorFlags.nameTagDigestFile, surroundings)
    if names.isEmpty, reports.nameWithDigest != nil || reports.nameAndTagWithDigest != nil {
      throw .conflict(
        "a file of names with digest needs a name", help: "add --destination REGISTRY/NAME")
    }
    reportedNames = names
  }

  private static func skipsPush(_ arguments: ParsedArguments, _ surroundings: Surroundings)
    throws(CommandLineError) -> Bool
  {
    guard let text = surroundings.variable("KANIKO_NO_PUSH") else {
      return arguments.isSet(ExecutorFlags.noPush)
    }
    guard let value = boolean(text) else {
      throw .badValue(option: "$KANIKO_NO_PUSH", value: text, expected: "true or false")
    }
    return value
  }

  /// kaniko's name for an archive nobody named.
  private static let unsetName = ImageReference(
    registry: ImageReference.dockerHub, repository: "unset-repo/unset-image-name", tag: "latest")
}

extension GitRepository {
  /// kaniko's `--git KEY=VALUE`.
  fileprivate mutating func apply(_ option: String) throws(CommandLineError) {
    let (key, value) = pair(option)
    switch (key, value ?? "") {
    case ("branch", let name):
      // Of a context that names no reference.
      if !name.isEmpty, reference == nil { reference = name }
    case ("single-branch", "true"), ("single-branch", "false"), ("depth", _): break
    case ("recurse-submodules", "true"): hasSubmodules = true
    case ("recurse-submodules", "false"): hasSubmodules = false
    case ("insecure-skip-tls", "false"): break
    case ("insecure-skip-tls", "true"): throw .notYet("--git insecure-skip-tls=true")
    default:
      throw .badValue(
        option: "--git", value: option,
        expected: "branch=NAME, single-branch=BOOLEAN, depth=NUMBER or recurse-submodules=BOOLEAN")
    }
  }
}
