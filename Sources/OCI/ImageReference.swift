// SPDX-License-Identifier: Apache-2.0

/// An image in a registry: `registry/repository[:tag][@digest]`.
///
/// Docker's short names are spelt out: `debian` is `docker.io/library/debian`.
/// OCI distribution-spec v1.1, "Pulling manifests", gives the grammar of names and tags.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
  /// Host and optional port; Docker Hub is `docker.io`.
  package var registry: String
  package var repository: String
  package var tag: String?
  package var digest: Digest?

  package init(registry: String, repository: String, tag: String? = nil, digest: Digest? = nil) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// - Returns: Nil when `text` is no reference: upper case, empty or over-long parts, a bad tag or digest.
  package init?(_ text: some StringProtocol) {
    var rest = String(text)
    if let at = rest.firstIndex(of: "@") {
      guard let digest = Digest(rest[rest.index(after: at)...]) else { return nil }
      self.digest = digest
      rest = String(rest[..<at])
    }
    let lastSlash = rest.lastIndex(of: "/") ?? rest.startIndex
    if let colon = rest[lastSlash...].lastIndex(of: ":") {
      let tag = String(rest[rest.index(after: colon)...])
      guard Self.isTag(tag) else { return nil }
      self.tag = tag
      rest = String(rest[..<colon])
    }
    let first = rest.prefix { $0 != "/" }
    let namesHost =
      first.count < rest.count
      && (first.contains(".") || first.contains(":") || first == "localhost"
        || first.contains { $0.isUppercase })
    if namesHost {
      registry = String(first)
      repository = String(rest.dropFirst(first.count + 1))
    } else {
      registry = Self.dockerHub
      repository = rest.contains("/") ? rest : "library/" + rest
    }
    if registry == "index.docker.io" || registry == "registry-1.docker.io" {
      registry = Self.dockerHub
      if !repository.contains("/") { repository = "library/" + repository }
    }
    guard Self.isHost(registry), Self.isRepository(repository) else { return nil }
  }

  package static let dockerHub = "docker.io"

  /// `latest` where neither tag nor digest is given.
  package var tagOrLatest: String? { tag ?? (digest == nil ? "latest" : nil) }

  /// What a manifest is asked for by: the digest, else the tag.
  package var manifestSelector: String { digest?.description ?? tag ?? "latest" }

  package var name: String { "\(registry)/\(repository)" }

  package var description: String {
    name + (tagOrLatest.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
  }

  private static func isTag(_ tag: String) -> Bool {
    let bytes = Array(tag.utf8)
    guard let first = bytes.first, bytes.count <= 128, first != 0x2E, first != 0x2D else {
      return false
    }
    return bytes.allSatisfy {
      isAlphanumeric($0) || (0x41...0x5A).contains($0) || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D
    }
  }

  /// Lower-case words joined by `.`, `_`, `__` or dashes, in parts joined by slashes.
  private static func isRepository(_ name: String) -> Bool {
    guard !name.isEmpty, name.utf8.count <= 255 else { return false }
    return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      let bytes = Array(part.utf8)
      guard let first = bytes.first, let last = bytes.last, isAlphanumeric(first),
        isAlphanumeric(last)
      else { return false }
      var separators = ""
      for byte in bytes {
        if isAlphanumeric(byte) {
          guard ["", ".", "_", "__"].contains(separators) || separators.allSatisfy({ $0 == "-" })
          else { return false }
          separators = ""
        } else if byte == 0x2E || byte == 0x5F || byte == 0x2D {
          separators.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
          return false
        }
      }
      return true
    }
  }

  private static func isHost(_ host: String) -> Bool {
    var name = Substring(host)
    if name.hasPrefix("[") {
      guard let end = name.firstIndex(of: "]") else { return false }
      let port = name[name.index(after: end)...]
      let address = name[..<end].dropFirst()
      return !address.isEmpty && address.utf8.allSatisfy { $0 == 0x3A || isHexDigit($0) }
        && (port.isEmpty || isPort(port))
    }
    if let colon = name.firstIndex(of: ":") {
      guard isPort(name[colon...]) else { return false }
      name = name[..<colon]
    }
    return !name.isEmpty
      && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy {
            isAlphanumeric($0) || (0x41...0x5A).contains($0) || $0 == 0x2D
          }
      }
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.first == ":" && text.count > 1 && UInt16(text.dropFirst()) != nil
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
  }
}
