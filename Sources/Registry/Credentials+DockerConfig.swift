// SPDX-License-Identifier: Apache-2.0

import Diagnostics
import FoundationEssentials
import OCI

extension Credentials {
  /// Reads a Docker `config.json` (also podman's `auth.json` and `DOCKER_AUTH_CONFIG`).
  ///
  /// Unknown members are ignored, as Docker does: they configure other programs.
  ///
  /// - Parameter file: What messages call the source.
  /// - Throws: ``RegistryError/badCredentialsFile(file:reason:)``; the reason quotes no value.
  package init(dockerConfig bytes: [UInt8], file: String) throws {
    self.init()
    addFile(file)
    func bad(_ reason: String) -> RegistryError {
      .badCredentialsFile(file: file, reason: reason)
    }
    let config: JSONValue
    do { config = try JSONValue(parsing: bytes) } catch { throw bad("it is not JSON") }
    guard config.object != nil else { throw bad("it is not a JSON object") }
    for (key, entry) in config["auths"]?.object ?? [:] {
      guard let credential = try Self.credential(entry, bad: { bad("\"\(key)\": \($0)") }) else {
        continue
      }
      set(credential, for: key)
    }
    for (host, helper) in config["credHelpers"]?.object ?? [:] {
      if let name = helper.string, !name.isEmpty { setHelper(name, for: host) }
    }
    if let store = config["credsStore"]?.string, !store.isEmpty { setHelper(store, for: nil) }
  }

  /// - Returns: Nil for an empty entry, which marks that a helper has the credentials.
  private static func credential(_ entry: JSONValue, bad: (String) -> RegistryError) throws
    -> Credential?
  {
    func text(_ key: String) -> String? {
      entry[key]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let token = text("identitytoken") { return .identityToken(Secret(token)) }
    if let token = text("registrytoken") { return .registryToken(Secret(token)) }
    if let encoded = text("auth") { return try decoded(encoded, bad: bad) }
    guard let username = text("username") else { return nil }
    return .password(username: username, Secret(text("password") ?? ""))
  }

  private static func decoded(_ encoded: String, bad: (String) -> RegistryError) throws
    -> Credential
  {
    guard let data = Data(base64Encoded: trimmed(encoded)),
      let pair = String(validating: data, as: UTF8.self)
    else { throw bad("\"auth\" is not base64 text") }
    guard let colon = pair.firstIndex(of: ":") else {
      throw bad("\"auth\" is not a user name and a password with a colon between them")
    }
    // Docker pads some passwords with NULs.
    let password = pair[pair.index(after: colon)...].filter { $0 != "\0" }
    return .password(username: String(pair[..<colon]), Secret(String(password)))
  }
}

/// The value of an `Authorization` header. RFC 7617.
func basicAuthorization(username: String, password: Secret) -> Secret {
  basicAuthorization("\(username):\(password.revealed)")
}

/// The value of an `authorization` field. RFC 7617.
///
/// - Parameter login: `user:password`.
package func basicAuthorization(_ login: String) -> Secret {
  Secret("Basic " + Data(login.utf8).base64EncodedString())
}
