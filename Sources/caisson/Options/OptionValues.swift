// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import LinuxSystem
import OCI
import Sandboxing

/// The values both building commands read the same way.
extension ParsedArguments {
  /// `--build-arg NAME=VALUE`; `NAME` alone takes the environment's value.
  ///
  /// - Parameter absent: What `NAME` alone means where the environment has none; nil leaves it out.
  func buildArguments(_ option: Option, _ surroundings: Surroundings, absent: String?)
    throws(CommandLineError) -> [String: String]
  {
    var result: [String: String] = [:]
    // BuildKit's clients hand this one on, so that ARG sees it.
    result["SOURCE_DATE_EPOCH"] = surroundings.variable("SOURCE_DATE_EPOCH")
    for text in values(of: option) {
      let (name, value) = pair(text)
      guard !name.isEmpty else {
        throw .badValue(option: option.spelling, value: text, expected: "NAME or NAME=VALUE")
      }
      result[name] = value ?? surroundings.environment[name] ?? absent
    }
    return result
  }

  func sourceDateEpoch(in buildArguments: [String: String]) throws(CommandLineError) -> Int64? {
    guard let text = buildArguments["SOURCE_DATE_EPOCH"], !text.isEmpty else { return nil }
    // The end of the year 9999: later moments cannot be written as RFC 3339.
    guard let seconds = Int64(text), (0...253_402_300_799).contains(seconds) else {
      throw .badValue(
        option: "SOURCE_DATE_EPOCH", value: text, expected: "seconds since 1970, a whole number")
    }
    return seconds
  }

  /// - Parameter valueIsOptional: `NAME` alone is a label without text.
  func labels(_ option: Option, valueIsOptional: Bool) throws(CommandLineError) -> [String: String]
  {
    var result: [String: String] = [:]
    for text in values(of: option) {
      let (name, value) = pair(text)
      guard !name.isEmpty, value != nil || valueIsOptional else {
        throw .badValue(option: option.spelling, value: text, expected: "NAME=VALUE")
      }
      result[name] = value ?? ""
    }
    return result
  }

  func platform(_ option: Option) throws(CommandLineError) -> Platform {
    guard let text = value(of: option) else { return .host }
    guard !text.contains(",") else {
      throw .notYet("\(option.spelling) with several platforms")
    }
    guard let platform = Platform(text) else {
      throw .badValue(
        option: option.spelling, value: text, expected: "a platform such as linux/arm64")
    }
    return platform
  }

  /// Several between commas, or several times; each once, in their order.
  func platforms(_ option: Option) throws(CommandLineError) -> [Platform] {
    var result: [Platform] = []
    for text in values(of: option).flatMap({
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }) {
      guard let platform = Platform(text) else {
        throw .badValue(
          option: option.spelling, value: String(text),
          expected: "platforms such as linux/amd64,linux/arm64")
      }
      if !result.contains(platform) { result.append(platform) }
    }
    return result.isEmpty ? [.host] : result
  }

  func names(_ option: Option) throws(CommandLineError) -> [ImageReference] {
    var result: [ImageReference] = []
    for text in values(of: option) {
      result.append(try imageName(text, option: option.spelling))
    }
    return result
  }

  func file(_ option: Option, _ surroundings: Surroundings) throws(CommandLineError) -> PathBytes? {
    guard let text = value(of: option) else { return nil }
    guard !text.isEmpty else {
      throw .badValue(option: option.spelling, value: text, expected: "the path of a file")
    }
    if text.contains("://") { throw .notYet("\(option.spelling) with an address") }
    return surroundings.absolute(text)
  }

  func store(_ surroundings: Surroundings) throws(CommandLineError) -> PathBytes {
    try file(SharedOptions.store, surroundings) ?? surroundings.standardStore
  }

  /// `--sandbox`, else `$CAISSON_SANDBOX`.
  func sandbox(_ surroundings: Surroundings) throws(CommandLineError) -> SandboxRequest {
    if let word = value(of: SharedOptions.sandbox) {
      return SandboxRequest(rawValue: word) ?? .auto
    }
    guard let word = surroundings.variable("CAISSON_SANDBOX") else { return .auto }
    guard let request = SandboxRequest(rawValue: word.lowercased()) else {
      throw .badValue(
        option: "$CAISSON_SANDBOX", value: word,
        expected: oneOf(SandboxRequest.allCases.map(\.rawValue)))
    }
    return request
  }

  func registryAccess(_ surroundings: Surroundings) -> RegistryAccess {
    var access = RegistryAccess()
    access.usesHTTPForPush = isSet(SharedOptions.insecure)
    access.usesHTTPForPull = isSet(SharedOptions.insecurePull)
    access.insecureHosts = Set(values(of: SharedOptions.insecureRegistry))
    // kaniko's --skip-tls-verify reaches pulls too.
    access.skipsTLSVerificationForPush = isSet(SharedOptions.skipTLSVerify)
    access.skipsTLSVerificationForPull =
      isSet(SharedOptions.skipTLSVerify) || isSet(SharedOptions.skipTLSVerifyPull)
    access.unverifiedHosts = Set(values(of: SharedOptions.skipTLSVerifyRegistry))
    access.mirrors = values(of: SharedOptions.registryMirror)
    access.credentialFiles = surroundings.credentialFiles
    access.inlineCredentials = surroundings.variable("DOCKER_AUTH_CONFIG").map(Secret.init)
    access.proxies = surroundings.proxies
    access.certificatePlaces = surroundings.certificatePlaces
    return access
  }
}

/// `name=value`, cut at the first `=`; the value is nil where there is none.
func pair(_ text: String) -> (name: String, value: String?) {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  return (String(parts.first ?? ""), parts.count == 2 ? String(parts[1]) : nil)
}

/// A name that an image can be given: without digest.
func imageName(_ text: String, option: String) throws(CommandLineError) -> ImageReference {
  guard let name = ImageReference(text) else {
    throw .badValue(
      option: option, value: text, expected: "a name such as registry.example/team/app:1.0")
  }
  guard name.digest == nil else {
    throw .badValue(
      option: option, value: text,
      expected: "a name without digest: the digest is known when the image is built")
  }
  return name
}
